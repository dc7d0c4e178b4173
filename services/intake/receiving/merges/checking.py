"""Whether the facts of merges, links and their copies that stand are those that what was said means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving import store, visits_store
from services.intake.receiving.deaths_store import known_of
from services.intake.receiving.merges import merging
from services.intake.receiving.merges.store import of_no_visit
from services.intake.visits.reconcile import VisitChanges, wanted_of
from shared.storage.database import Connection


async def unsaid(connection: Connection, patients: Sequence[str], places: FacilityMap, now: datetime) -> int:
    """How many facts would be stated or cancelled for these patients, whom statements bring together. Nothing is
    written; `now` is compared with nothing."""
    kin = await merging.load(connection, patients)
    if kin is None:
        return 0
    visits = {visit.visit_id: visit for visit in await visits_store.visits_of(connection, patients)}
    await store.fill(connection, visits)
    sequences, told = await visits_store.sequences_of(connection, patients), await known_of(connection, patients)
    changes = []
    for visit in visits.values():
        visit.alive = told.record((visit.patient_id, visit.facility)).alive
        sequences.learn(visit)
        changes.append(VisitChanges(visit, wanted_of(visit, places).facts))
    stored = await of_no_visit(connection, sorted(sequences.owners))
    stating = merging.Stating(sequences, places, now, None)
    return len(merging.decide(kin, merging.originals(changes, stored, None, stating), stored.merging, stating).stated)
