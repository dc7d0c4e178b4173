"""All SQL by which rows of lists are found for resources of FHIR, in the order of their ids; it locks nothing."""

from __future__ import annotations

from collections.abc import Collection

from services.aftercare.engine.views import entry_of, window_of, with_sequence
from services.aftercare.tables import entries, follow_ups
from services.aftercare.worklists.listed import ListedRow
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.database import Connection


async def rows_after(
    connection: Connection,
    kind: str,
    scope: Scope,
    *,
    after: str,
    most: int,
    among: Collection[str] | None = None,
    patients: Collection[str] | None = None,
) -> list[ListedRow]:
    """Up to `most` rows of a kind (`follow-up`: windows) in scope, after the id `after`; of these ids, and of these
    patients, where they are given."""
    windows = kind == "follow-up"
    table = follow_ups if windows else entries
    own = follow_ups.c.follow_up_id if windows else entries.c.id
    query = with_sequence(table).where(own > after, scoped.of(table.c.facility, scope))
    if not windows:
        query = query.where(entries.c.kind == kind)
    if among is not None:
        query = query.where(own.in_(sorted(among)))
    if patients is not None:
        query = query.where(table.c.patient_id.in_(sorted(patients)))
    found = (await connection.execute(query.order_by(own).limit(most))).all()
    return [window_of(row) if windows else entry_of(row) for row in found]
