"""All SQL that only reads consents, as they are shown over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from services.intake.people.facilities import HAD_THERE
from services.intake.requests.consents.tables import consents as table
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.database import Connection

_STATED = sa.text(
    "SELECT c.episode_id FROM consent_episodes AS c JOIN episodes AS e USING (episode_id) "  # noqa: S608 - our own words
    f"WHERE c.consent_id = :consent AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE}) ORDER BY e.made_at, 1"
)
_NAMES = {"begins": "from", "ends": "to"}
_HIDDEN = {"over_at"}


async def consents(connection: Connection, patient_id: str, *, scope: Scope) -> list[dict[str, Any]]:
    """Every consent of a patient that was given at a facility in scope, the earliest first."""
    query = sa.select(table).where(table.c.patient_id == patient_id).order_by(table.c.consent_id)
    query = query.where(scoped.of(table.c.facility, scope))
    return [_shown(row) for row in (await connection.execute(query)).mappings()]


async def consents_by_id(connection: Connection, ids: Sequence[str], *, scope: Scope) -> list[dict[str, Any]]:
    """Those of these consents that were given at a facility in scope, in the order of `ids`."""
    query = sa.select(table).where(table.c.consent_id.in_(ids), scoped.of(table.c.facility, scope))
    found = {row["consent_id"]: _shown(row) for row in (await connection.execute(query)).mappings()}
    return [found[each] for each in ids if each in found]


async def consent(connection: Connection, consent_id: str, *, scope: Scope) -> dict[str, Any]:
    """One consent given at a facility in scope, and the episodes in scope that it was stated for; {}: none."""
    query = sa.select(table).where(table.c.consent_id == consent_id, scoped.of(table.c.facility, scope))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return {}
    given = {"consent": consent_id, "facilities": scope.listed}
    return {**_shown(row), "episodes": list((await connection.execute(_STATED, given)).scalars())}


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A consent as it is shown: the names of its fields as in the request, nothing that is not known."""
    told = {_NAMES.get(str(name), str(name)): value for name, value in row.items() if name not in _HIDDEN}
    return {name: value for name, value in told.items() if value is not None}
