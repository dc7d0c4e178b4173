"""A person agrees that a visit is taken back whole by a message (A23) that came too long after its end, or takes that
back (contract 6, Events)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from services.intake.hl7 import codec
from services.intake.hl7.triggers import TRIGGERS, WHOLE_VISIT
from services.intake.receiving import store
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.merges.store import kin_of
from services.intake.visits.cancels import ASKS
from shared.errors import Rejected
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.statements import rows

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake

_ONE = (
    "SELECT message_id, trigger, patient_id, visit_id, note, reason, said FROM messages WHERE message_id = $1 "
    "AND ($2::text[] IS NULL OR facility = ANY($2::text[]))"
)
_SAY = "UPDATE messages SET said = $2 WHERE message_id = $1"


class DeletionAsked(NamedTuple):
    """A message that deletes a visit, and what became of it."""

    message_id: str
    trigger: str
    patient_id: str | None
    visit_id: str | None
    note: str
    reason: str | None
    said: bytes | None


def deletes_visit(trigger: str) -> bool:
    """Whether a trigger event takes a visit back whole."""
    return trigger in TRIGGERS and TRIGGERS[trigger].cancels == WHOLE_VISIT


async def decide(
    connection: Connection, intake: Intake, scope: Scope, message_id: str, *, agreed: bool
) -> DeletionAsked | None:
    """Do what such a message asks for, or take that back, in the caller's transaction. None where there is no such
    message at these facilities.

    Raises Rejected where it waits for nobody, or nothing was agreed to.
    """
    asked = await _one(connection, scope, message_id)
    if asked is None or asked.patient_id is None:
        return None
    patients = sorted({asked.patient_id, *await kin_of(connection, [asked.patient_id])})
    await store.lock_patients(connection, patients)
    asked = await _one(connection, scope, message_id)
    if asked is None or asked.said is None:
        return None
    adt = codec.decode(asked.said)
    if agreed and (asked.visit_id is None or asked.reason != ASKS):
        raise Rejected("asks-nobody", "this message asks nobody to delete a visit that it names")
    if not agreed and not adt.agreed:
        raise Rejected("nothing-to-take-back", "nobody agreed to this deletion", possible=("agreed",))
    await rows(connection, _SAY, message_id, codec.encode(structs.replace(adt, agreed=agreed)))
    await derive_again(connection, patients, intake)
    return await _one(connection, scope, message_id)


async def _one(connection: Connection, scope: Scope, message_id: str) -> DeletionAsked | None:
    facilities = None if scope.facilities is None else sorted(scope.facilities)
    found = [DeletionAsked(*row) for row in await rows(connection, _ONE, message_id, facilities)]
    if not found or found[0].said is None:
        return found[0] if found and deletes_visit(found[0].trigger) else None
    return found[0] if deletes_visit(codec.decode(found[0].said).trigger) else None
