"""Derives all visits of patients from their messages again: where a person decided what messages mean, where one was
read again, where merges changed who is whom, and under another site config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from services.intake.receiving import store, visits_store
from services.intake.receiving.assign import assign_visits, learn_unsure
from services.intake.receiving.deaths_store import known_of as deaths_of
from services.intake.receiving.in_line import brought_in_line
from services.intake.receiving.merges import merging
from services.intake.receiving.merges.store import kin_of
from services.intake.visits.death_facts import KnownDeaths, add_reports
from services.intake.visits.reconcile import EpisodeSequences, PersonMessage, VisitChanges
from shared.storage.database import Connection
from shared.storage.statements import Writes, at_once

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake


class DerivedAnew(NamedTuple):
    """All visits of some patients derived again: their changes, what is known of episodes and deaths, and what is to be
    written."""

    changes: Sequence[VisitChanges]
    sequences: EpisodeSequences
    deaths: KnownDeaths
    writes: Writes


async def derive_anew(connection: Connection, patients: Sequence[str], unsure: set[str], intake: Intake) -> DerivedAnew:
    """Derive all visits of patients from their messages again; all whom statements bring together with them are among
    them (`kin_of`). `unsure`: as `VisitAssignment` has it. Nothing is written but who is unsure, which visit a message
    of theirs that names none is of, and who is merged into whom."""
    found = assign_visits([], await visits_store.visits_of(connection, patients), unsure)
    found.touch_all()
    await store.fill(connection, found.stored, intake.long_visits.in_thread)
    await store.mark_unsure(connection, learn_unsure(found))
    sequences = await visits_store.sequences_of(connection, patients)
    told = await deaths_of(connection, patients)
    add_reports(
        told,
        [PersonMessage(v.patient_id, v.facility, one) for v in found.touched.values() for one in v.messages],
    )
    kin = await merging.load(connection, patients)
    changes, writes = await brought_in_line(connection, found, [], (sequences, told), intake, kin=kin)
    return DerivedAnew(changes, sequences, told, writes)


async def derive_again(connection: Connection, patients: Iterable[str], intake: Intake) -> None:
    """Derive all visits of these patients again, and of all whom merges, links or moves bring together with them; in
    the caller's transaction."""
    every = sorted({*patients, *await kin_of(connection, patients)})
    unsure = await store.lock_patients(connection, every)
    await at_once(connection, (await derive_anew(connection, every, unsure, intake)).writes)


async def bring_kin_in_line(connection: Connection, patients: Iterable[str], intake: Intake) -> None:
    """Copy what was just stated of these patients to where merges say (`derive_again`); nothing for whom none brings
    together with others. The caller has stored it, with the patients' rows locked."""
    if together := await kin_of(connection, patients):
        await derive_again(connection, together, intake)
