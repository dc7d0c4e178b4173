"""What a person says of a visit number that two patients of a facility have, what follows from it, and the list of such
numbers (contract 6, Which visit; decision 0206)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from services.intake.receiving import store
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.shared_numbers import NumberDecision
from shared.errors import Rejected
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.statements import rows

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake

_OPEN = "SELECT facility, count(*) AS number FROM number_conflicts WHERE decision IS NULL GROUP BY 1"
_LISTED = (
    "SELECT c.conflict_id, c.facility, c.visit_key, c.patient_id, (SELECT v.patient_id FROM visits AS v "
    "WHERE v.facility = c.facility AND v.visit_key = c.visit_key AND v.patient_id <> c.patient_id "
    "AND v.said_at IS NOT NULL ORDER BY v.said_at, v.patient_id LIMIT 1) AS holder, c.since, c.decision "
    "FROM number_conflicts AS c WHERE ($1::text[] IS NULL OR c.facility = ANY($1::text[])) "
)
_PAGE = (
    _LISTED + "AND ($2::timestamptz IS NULL OR (c.since, c.conflict_id) > ($2::timestamptz, $3::text)) "
    "ORDER BY c.since, c.conflict_id LIMIT $4"
)
_TALLY = (
    "SELECT count(*), count(*) FILTER (WHERE decision IS NULL), "
    "count(*) FILTER (WHERE (since, conflict_id) <= ($2::timestamptz, $3::text)) FROM number_conflicts "
    "WHERE $1::text[] IS NULL OR facility = ANY($1::text[])"
)
_ONE = _LISTED + "AND c.conflict_id = $2"
_DECIDE = "UPDATE number_conflicts SET decision = $2, decided_at = $3 WHERE conflict_id = $1"
_HOLD = "UPDATE visits SET held = $4 WHERE facility = $1 AND visit_key = $2 AND patient_id = $3"
_GIVE = (
    "UPDATE messages SET visit_id = (SELECT visit_id FROM visits WHERE patient_id = $2 AND facility = $3 "
    "AND visit_key = $4) WHERE patient_id = $1 AND visit_id IN (SELECT visit_id FROM visits WHERE patient_id = $1 "
    "AND facility = $3 AND visit_key = $4)"
)
_GIVE_BACK = (
    "UPDATE messages SET visit_id = (SELECT visit_id FROM visits WHERE patient_id = $1 AND facility = $3 "
    "AND visit_key = $4) WHERE patient_id = $1 AND visit_id IN (SELECT visit_id FROM visits WHERE patient_id = $2 "
    "AND facility = $3)"
)


class NumberConflict(NamedTuple):
    """A visit number of a facility that two patients have: `patient_id`, whose messages with it wait, and the holder,
    of whom it was said first; since when that is known, and what a person decided."""

    conflict_id: str
    facility: str
    visit_number: str
    patient_id: str
    holder: str | None
    since: datetime
    decision: NumberDecision | None


async def listed(
    connection: Connection, scope: Scope, after: tuple[datetime, str] | None, most: int
) -> list[NumberConflict]:
    """At most `most` of them at these facilities, in the order in which they became known, from behind the place
    `after` on."""
    since, conflict_id = after or (None, "")
    facilities = None if scope.facilities is None else sorted(scope.facilities)
    return [NumberConflict(*row) for row in await rows(connection, _PAGE, facilities, since, conflict_id, most)]


async def tally(connection: Connection, scope: Scope, after: tuple[datetime, str] | None) -> tuple[int, int, int]:
    """How many of them there are at these facilities, how many wait for a decision, and how many are listed up to the
    place `after`."""
    since, conflict_id = after or (None, "")
    facilities = None if scope.facilities is None else sorted(scope.facilities)
    [row] = await rows(connection, _TALLY, facilities, since, conflict_id)
    return int(row[0]), int(row[1]), int(row[2])


async def number_open(connection: Connection) -> dict[str, int]:
    """Facility → how many of its visit numbers wait for a decision."""
    return {row["facility"]: row["number"] for row in await rows(connection, _OPEN)}


async def decide(
    connection: Connection, intake: Intake, scope: Scope, conflict_id: str, decision: NumberDecision | None
) -> NumberConflict | None:
    """Note what a person says of such a number (None: what was said is taken back), and derive both patients' visits
    again, in the caller's transaction. None where there is no such conflict at these facilities.

    Raises Rejected where it is decided already, or where there is nothing to take back.
    """
    known = await _one(connection, scope, conflict_id)
    if known is None or known.holder is None:
        return None
    patients = sorted({known.patient_id, known.holder})
    await store.lock_patients(connection, patients)
    known = await _one(connection, scope, conflict_id)
    if known is None or known.holder is None:
        return None
    if decision is None and known.decision is None:
        raise Rejected("nothing-to-take-back", "nothing was decided of this number", possible=("own", "holder"))
    if decision is not None and known.decision is not None:
        raise Rejected("decided-already", "this number is decided: take that back first", possible=("taken-back",))
    await _applied(connection, known, decision)
    await rows(connection, _DECIDE, conflict_id, decision, intake.clock())
    await derive_again(connection, patients, intake)
    return known._replace(decision=decision)


async def _applied(connection: Connection, known: NumberConflict, decision: NumberDecision | None) -> None:
    """Let the visit count, or give its messages to the holder's visit; or take the one or the other back."""
    place = (known.facility, known.visit_number)
    if "own" in (decision, known.decision):
        await rows(connection, _HOLD, *place, known.patient_id, decision != "own")
    elif decision == "holder":
        await rows(connection, _GIVE, known.patient_id, known.holder, *place)
    else:
        await rows(connection, _GIVE_BACK, known.patient_id, known.holder, *place)


async def _one(connection: Connection, scope: Scope, conflict_id: str) -> NumberConflict | None:
    facilities = None if scope.facilities is None else sorted(scope.facilities)
    found = await rows(connection, _ONE, facilities, conflict_id)
    return NumberConflict(*found[0]) if found else None
