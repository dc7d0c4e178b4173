"""A person agrees that a message does what only a person may do, or takes that back (contract 6, Events).

A visit is taken back whole by A23: one that ended too long ago, or one that the person chooses where the message names
none. What the facility told of a person is deleted by A29 (people/deleted.py); care that anybody told of stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from services.intake.hl7 import codec
from services.intake.hl7.model import Adt
from services.intake.hl7.triggers import TRIGGERS, WHOLE_VISIT
from services.intake.people import deleted
from services.intake.receiving import store
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.merges.store import kin_of
from services.intake.visits.cancels import ASKS
from services.intake.visits.same_visit import names_visit_alone
from shared.errors import Rejected
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.statements import rows

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake

DELETING = tuple(sorted(name for name, means in TRIGGERS.items() if means.asks))
"""The trigger events that a person has to agree to."""
_ONE = (
    "SELECT message_id, facility, trigger, patient_id, visit_id, note, reason, said FROM messages "
    "WHERE message_id = $1 AND ($2::text[] IS NULL OR facility = ANY($2::text[]))"
)
_SAY = "UPDATE messages SET said = $2, visit_id = $3, note = $4, reason = $5 WHERE message_id = $1"
_NAMING = (
    "SELECT m.said FROM messages AS m JOIN visits AS v USING (visit_id) WHERE v.visit_id = $1 AND v.facility = $2 "
    "AND v.patient_id = ANY($3::text[]) AND m.said IS NOT NULL AND m.trigger <> ALL($4::text[]) ORDER BY m.message_id "
    "LIMIT 100"
)


class DeletionAsked(NamedTuple):
    """A message that asks for a person, and what became of it."""

    message_id: str
    facility: str
    trigger: str
    patient_id: str | None
    visit_id: str | None
    note: str
    reason: str | None
    said: bytes | None

    @property
    def adt(self) -> Adt:
        """What it says. Raises TypeError where it was not understood."""
        if self.said is None:
            raise TypeError("it was not understood")
        return codec.decode(self.said)


def deletes_visit(trigger: str) -> bool:
    """Whether a trigger event takes a visit back whole."""
    return trigger in TRIGGERS and TRIGGERS[trigger].cancels == WHOLE_VISIT


def agreed_as(before: Adt, now: Adt) -> Adt:
    """A message that is read again, with what a person said of it when it was read before."""
    if not before.agreed:
        return now
    now = structs.replace(now, agreed=True)
    return _named_as(now, before) if before.visit_chosen else now


async def decide(
    connection: Connection, intake: Intake, scope: Scope, message_id: str, *, agreed: bool, visit_id: str | None = None
) -> DeletionAsked | None:
    """Do what such a message asks for, or take that back, in the caller's transaction. `visit_id`: the visit, where the
    message names none. None where there is no such message at these facilities.

    Raises Rejected where it waits for nobody, nothing was agreed to, or no visit, or a needless one, is chosen.
    """
    asked = await _one(connection, scope, message_id)
    if asked is None or asked.patient_id is None:
        return None
    patients = sorted({asked.patient_id, *await kin_of(connection, [asked.patient_id])})
    await store.lock_patients(connection, patients)
    asked = await _one(connection, scope, message_id)
    if asked is None or asked.said is None:
        return None
    if agreed and asked.reason != ASKS:
        raise Rejected("asks-nobody", "this message asks nobody")
    if not agreed and not asked.adt.agreed:
        raise Rejected("nothing-to-take-back", "nobody agreed to this deletion", possible=("agreed",))
    if deletes_visit(_trigger(asked)):
        await (_delete_visit(connection, asked, patients, visit_id) if agreed else _keep_visit(connection, asked))
    elif visit_id is not None:
        raise Rejected("deletes-no-visit", "this message deletes no visit")
    else:
        await _person(connection, intake, asked, agreed=agreed)
    await derive_again(connection, patients, intake)
    return await _one(connection, scope, message_id)


async def _delete_visit(
    connection: Connection, asked: DeletionAsked, patients: list[str], visit_id: str | None
) -> None:
    adt, visit = structs.replace(asked.adt, agreed=True), asked.visit_id
    if visit is None:
        adt, visit = await _of_chosen(connection, asked, patients, visit_id), visit_id
    elif visit_id not in {None, visit}:
        raise Rejected("names-a-visit", "this message names the visit that it deletes")
    await rows(connection, _SAY, asked.message_id, codec.encode(adt), visit, asked.note, asked.reason)


async def _of_chosen(connection: Connection, asked: DeletionAsked, patients: list[str], visit_id: str | None) -> Adt:
    """The message as of the visit that was chosen: it names that as the visit's own messages do."""
    if visit_id is None:
        raise Rejected("names-no-visit", "this message names no visit: say which one", possible=("visit_id",))
    told = await rows(connection, _NAMING, visit_id, asked.facility, patients, list(DELETING))
    names = [codec.decode(row["said"]) for row in told]
    if not names:
        raise Rejected("no-such-visit", "the patient has no such visit at this facility", possible=("visit_id",))
    best = next((one for one in names if names_visit_alone(one)), names[0])
    return _named_as(structs.replace(asked.adt, agreed=True), best)


def _named_as(adt: Adt, of: Adt) -> Adt:
    """The message with the names by which another one names its visit."""
    return structs.replace(
        adt,
        visit_chosen=True,
        visit_number=of.visit_number,
        by_account=of.by_account,
        visit_authority=of.visit_authority,
        admitted=of.admitted if not of.visit_number else None,
    )


async def _keep_visit(connection: Connection, asked: DeletionAsked) -> None:
    adt, visit = structs.replace(asked.adt, agreed=False), asked.visit_id
    if adt.visit_chosen:
        nothing = {"visit_number": None, "by_account": False, "visit_authority": None, "admitted": None}
        adt, visit = structs.replace(adt, visit_chosen=False, **nothing), None
    await rows(connection, _SAY, asked.message_id, codec.encode(adt), visit, "waiting", ASKS)


async def _person(connection: Connection, intake: Intake, asked: DeletionAsked, *, agreed: bool) -> None:
    """Delete what the facility told of the person, or bring it back."""
    if agreed:
        await deleted.delete(connection, asked.message_id, asked.patient_id or "", asked.facility)
    else:
        await deleted.bring_back(connection, asked.message_id, intake.seal)
    became = ("applied", None) if agreed else ("waiting", ASKS)
    said = codec.encode(structs.replace(asked.adt, agreed=agreed))
    await rows(connection, _SAY, asked.message_id, said, None, *became)


async def _one(connection: Connection, scope: Scope, message_id: str) -> DeletionAsked | None:
    facilities = None if scope.facilities is None else sorted(scope.facilities)
    found = [DeletionAsked(*row) for row in await rows(connection, _ONE, message_id, facilities)]
    return found[0] if found and _trigger(found[0]) in DELETING else None


def _trigger(asked: DeletionAsked) -> str:
    """The event that a message is, also of a resource that says the same."""
    return codec.decode(asked.said).trigger if asked.said is not None else asked.trigger
