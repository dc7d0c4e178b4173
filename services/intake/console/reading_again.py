"""Reads a stored message again, after the parser or the site config changed: first what would change is shown, and a
second act applies it.

Both are one code: what is shown is done and rolled back. A message that was answered AE or AR, and is understood now,
is taken in like a new one; its sender is answered so when it sends the same again. What the first reading told of who
the patient is (numbers, names) stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.intake.console import store, views
from services.intake.console.changes import Changes, changes_of
from services.intake.console.rehearsing import for_rehearsal, rehearsed
from services.intake.console.store import KeptMessage
from services.intake.hl7 import codec
from services.intake.hl7.model import Adt, VisitMessage
from services.intake.receiving import store as receiving
from services.intake.receiving.deletions import agreed_as, deletes_visit
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.read import InboundMessage, Received, reason_of
from services.intake.receiving.receive import Intake, take_again
from services.intake.visits.same_visit import names_visit_alone
from services.intake.visits.unnamed import visit_id
from shared.errors import Rejected
from shared.facts.envelope import Fact
from shared.scope import Scope
from shared.storage.database import Connection


class ReadAgain(NamedTuple):
    """What a message is read as now, and what changes by it. `answer`, `fault`: what it is answered; `before`: what it
    was answered; `fields`: the names of its values that are read otherwise than when it came; `stated`: the facts and
    cancels that are stated, as published."""

    message_id: str
    trigger: str
    before: str
    answer: str
    fault: str | None
    note: str
    reason: str | None
    warnings: Sequence[str]
    fields: Sequence[str]
    changes: Changes
    stated: Sequence[Fact] = ()

    @property
    def digest(self) -> str:
        """Names exactly this outcome: what was shown is applied, or nothing."""
        return f"{self.changes.digest}{self.answer}"

    @property
    def anything(self) -> bool:
        """Whether anything is otherwise than it is now."""
        return bool(self.fields or self.changes.facts or self.changes.notes or self.before != self.answer)


async def preview(intake: Intake, message_id: str, scope: Scope) -> ReadAgain | None:
    """What would change; nothing is kept. None where there is no such message in scope. Raises Rejected where its text
    is not kept any more."""
    trial = for_rehearsal(intake)

    async def work(connection: Connection) -> ReadAgain | None:
        return await apply(connection, trial, message_id, scope)

    async def look(_: Connection, found: ReadAgain | None) -> ReadAgain | None:
        return found

    return await rehearsed(intake.database, work, look)


async def apply(connection: Connection, intake: Intake, message_id: str, scope: Scope) -> ReadAgain | None:
    """Read a message again and write what follows, inside the caller's transaction. None and Rejected as `preview`."""
    kept = await store.kept(connection, message_id, scope)
    if kept is None:
        return None
    if kept.sealed is None:
        raise Rejected("text-not-kept", "its text is not kept any more")
    message = _read(kept, intake)
    patients = {kept.patient_id} if kept.patient_id else set()
    await receiving.lock_patients(connection, patients)
    was = await views.noted(connection, patients)
    await store.take_out(connection, message_id)
    await take_again(connection, message, intake)
    left = bool(kept.visit_id) and kept.visit_id != message.visit_id
    if left and kept.patient_id:
        await derive_again(connection, [kept.patient_id], intake)
    if message.patient_id and message.patient_id not in patients:
        patients.add(message.patient_id)
    written, noted = await views.stated_now(connection, patients), await views.noted_now(connection, patients)
    fault = reason_of(message.outcome.fault) if message.outcome.fault else None
    return ReadAgain(
        message_id,
        message.trigger,
        kept.answer,
        message.outcome.code,
        fault,
        "refused" if message.outcome.code == "AR" else message.note,
        message.reason if fault is None else None,
        tuple(message.warnings),
        _fields(kept.said, message.adt),
        changes_of(written, noted, was),
        await views.sent_now(connection),
    )


def _read(kept: KeptMessage, intake: Intake) -> InboundMessage:
    """The message as it is read now, under its id, time and seal; where it is answered the same, by the same text."""
    raw = intake.seal.open(kept.sealed or b"", kept.message_id)
    own_id = kept.control_id if kept.fhir else ""
    parts = intake.messages_of(
        Received(raw, kept.door, kept.arrived_at, fhir=kept.fhir, own_id=own_id, facility=kept.facility)
    )
    message = next((each for each in parts if each.ids == kept.ids), parts[0])
    message.message_id, message.sealed = kept.message_id, kept.sealed or b""
    message.ids, message.body = kept.ids, kept.body
    if message.adt is not None:
        if kept.said is not None:
            _as_agreed(message, codec.decode(kept.said))
        message.said = VisitMessage(message.adt, kept.message_id, kept.arrived_at)
    if message.outcome.code == kept.answer and kept.replies:
        message.replies = tuple(kept.replies)
    return message


def _as_agreed(message: InboundMessage, before: Adt) -> None:
    """Let what a person agreed to hold; a person's data that it deleted are not told by it again."""
    if message.adt is None or not before.agreed:
        return
    message.adt = agreed_as(before, message.adt)
    message.values = codec.encode(message.adt)
    if deletes_visit(message.trigger):
        message.visit_key, message.alone = visit_id(message.adt), names_visit_alone(message.adt)
    else:
        message.person, message.note, message.reason = {}, "applied", None


def _fields(before: bytes | None, now: Adt | None) -> Sequence[str]:
    """The names of the values that are read otherwise; all that are there now where it was not understood before."""
    old = codec.decode(before) if before is not None else None
    if now is None or old is None:
        return () if now is old else ("message",)
    return [name for name in Adt.__struct_fields__ if getattr(old, name) != getattr(now, name)]
