"""Visit numbers that several patients of a facility have: whose each one is, and what people decided of it.

The number is the patient's of whom it was said first, whatever came first. A message of another patient with it waits,
without effect, until a person says that the visit is that patient's own, or that it is the first one's (contract 6,
Which visit; decision 0206). A feed that counts visits by patient has no such numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving import deaths_store, store, visits_store
from services.intake.receiving.assign import VisitAssignment
from services.intake.receiving.read import InboundMessage
from services.intake.tables import number_conflicts
from shared.ids import ageless_id
from shared.storage.database import Connection
from shared.storage.row_writes import insert
from shared.storage.statements import SqlWrite, rows, written

if TYPE_CHECKING:
    from services.intake.receiving.merges.merging import Kin
    from services.intake.receiving.receive import Intake

NumberDecision = Literal["own", "holder"]
"""What a person said of a number that another patient has: the visit is this patient's own, or it is the holder's."""
NumberAt = tuple[str, str]
"""Facility and visit number."""
OTHERS_VISIT = "another patient of the facility has a visit of this number"
"""The warning for a visit number that two patients of a facility have (contract 6, Which visit)."""
_CLAIMS = (
    "SELECT v.facility, v.visit_key, v.patient_id, v.said_at, v.held, c.conflict_id, c.decision FROM visits AS v "
    "JOIN unnest($1::text[], $2::text[]) AS n(facility, key) ON v.facility = n.facility AND v.visit_key = n.key "
    "LEFT JOIN number_conflicts AS c ON c.facility = v.facility AND c.visit_key = v.visit_key "
    "AND c.patient_id = v.patient_id"
)
_LOCK_AT_ONCE = (
    "SELECT patient_id, unsure FROM patients WHERE patient_id = ANY($1::text[]) ORDER BY patient_id FOR UPDATE NOWAIT"
)
_KEEP = insert(number_conflicts, ("conflict_id", "facility", "visit_key", "patient_id", "since"))
_OVER = "DELETE FROM number_conflicts WHERE conflict_id = ANY($1::text[])"


class Claim(NamedTuple):
    """A patient's visit of a number: when that was first said (None: it does not count), and what was decided."""

    patient_id: str
    said_at: datetime | None
    held: bool = False
    conflict_id: str | None = None
    decision: NumberDecision | None = None


def numbered(message: InboundMessage, places: FacilityMap) -> store.Numbered | None:
    """(patient, facility, visit number) of a message; None where it has no patient, is of no visit, or has no number
    that counts for the facility."""
    adt = message.adt
    if adt is None or adt.visit_number is None or adt.by_account:
        return None
    if message.patient_id is None or message.visit_key is None:
        return None
    if places.feed(adt.sending_app, adt.sending_facility).visit_numbers == "patient":
        return None
    return message.patient_id, message.facility, adt.visit_number


def holder(claims: Iterable[Claim]) -> str | None:
    """Whose a number is: the patient's of whom it was said first."""
    told = [(claim.said_at, claim.patient_id) for claim in claims if claim.said_at is not None]
    return min(told)[1] if told else None


async def settle(
    connection: Connection,
    found: VisitAssignment,
    told: Sequence[tuple[InboundMessage | None, store.Numbered]],
    loaded: store.Loaded,
    intake: Intake,
    *,
    kin: Kin | None = None,
) -> list[SqlWrite]:
    """Hold the visits whose number is another patient's, warn of them, and give messages to the holder's visit where a
    person said so. Patients whom merges or moves make one (`kin`) have a number together.

    Returns the writes of conflicts that are new or over. The visits of other patients that this changes are loaded,
    touched and locked; raises Transient where another transaction has them.
    """
    numbers = sorted({each[1:] for _, each in told})
    claims = await _claims(connection, numbers)
    _learn(claims, found)
    one = kin.have_together if kin is not None else _same
    writes: list[SqlWrite] = []
    moved: dict[tuple[str, str, str], str] = {}
    for number in numbers:
        first, now = holder(claims[number].values()), intake.clock()
        for claim in claims[number].values():
            place = (claim.patient_id, *number)
            is_held = claim.said_at is not None and claim.decision != "own" and not one(number, claim.patient_id, first)
            if claim.decision == "holder" and first is not None and is_held:
                moved[place] = first
            writes += _conflict(number, claim, now, is_held=is_held)
            if is_held != claim.held:
                await _here(connection, found, claim.patient_id, loaded)
                found.known[place].held = is_held
                found.touch({found.known[place].visit_id})
    for message, place in told:
        if message is not None and any(not one(place[1:], place[0], each) for each in claims[place[1:]]):
            message.warn(OTHERS_VISIT)
        if message is not None and (first := moved.get(place)) is not None:
            await _here(connection, found, first, loaded)
            message.visit_id = found.visit(first, *place[1:], message.arrived_at).visit_id
    return writes


def _conflict(number: NumberAt, claim: Claim, now: datetime, *, is_held: bool) -> list[SqlWrite]:
    """The writes of a conflict that is new, or over without anybody's decision."""
    if is_held and claim.conflict_id is None:
        return written(_KEEP, [(ageless_id(), *number, claim.patient_id, now)])
    if claim.conflict_id is not None and claim.decision is None and not is_held:
        return [SqlWrite(_OVER, ([claim.conflict_id],))]
    return []


def _same(_: NumberAt, patient: str, other: str | None) -> bool:
    return patient == other


async def _claims(connection: Connection, numbers: Sequence[NumberAt]) -> dict[NumberAt, dict[str, Claim]]:
    """The stored visits of these numbers, by patient."""
    found: dict[NumberAt, dict[str, Claim]] = defaultdict(dict)
    for facility, key, *claim in await rows(connection, _CLAIMS, *map(list, zip(*numbers, strict=True))):
        found[facility, key][claim[0]] = Claim(*claim)
    return found


def _learn(claims: Mapping[NumberAt, dict[str, Claim]], found: VisitAssignment) -> None:
    """Take into account what this transaction was told."""
    for (patient, facility, key), visit in found.known.items():
        if (facility, key) in claims or visit.said_at is not None:
            known = claims[facility, key].get(patient, Claim(patient, None))
            claims[facility, key][patient] = known._replace(said_at=visit.said_at)


async def _here(connection: Connection, found: VisitAssignment, patient: str, loaded: store.Loaded) -> None:
    """Lock a patient whom this transaction did not know, and load what it needs to know of them."""
    if any(visit.patient_id == patient and visit.visit_id in found.touched for visit in found.known.values()):
        return
    locked = await rows(connection, _LOCK_AT_ONCE, [patient])
    found.unsure |= {row["patient_id"] for row in locked if row["unsure"]}
    for visit in await visits_store.visits_of(connection, [patient]):
        found.known.setdefault((patient, visit.facility, visit.key), visit)
    found.touch_all_of(found.unsure)
    more = await visits_store.sequences_of(connection, [patient])
    loaded.sequences.last.update(more.last)
    loaded.sequences.owners.update(more.owners)
    loaded.sequences.known.update(more.known)
    loaded.sequences.asked.update(more.asked)
    died = await deaths_store.known_of(connection, [patient])
    loaded.deaths.records.update(died.records)
    loaded.deaths.standing.update(died.standing)
