"""Answers a question about messages: a page of them with the facts that each said, and one with all that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.intake.console import views
from services.intake.console.effects import taken_back_by
from services.intake.console.question import MessageQuestion, WantedMessages
from services.intake.console.views import FactOfMessage, MessageLine
from services.intake.hl7.model import PatientId
from services.intake.people.patients import IdentityClaim
from services.intake.receiving import store
from services.intake.receiving.receive import Intake
from services.intake.visits.reconcile import VisitRecord
from shared.ids import first_id
from shared.scope import Scope
from shared.storage.database import Connection


class MessageTold(NamedTuple):
    """A message with the facts that it said."""

    line: MessageLine
    facts: Sequence[FactOfMessage]


class MessageWhole(NamedTuple):
    """The same with its visit, the message that took it back, and whether its text is kept."""

    told: MessageTold
    begun_at: datetime | None
    ended_at: datetime | None
    taken_back_by: str | None
    has_text: bool


async def asked(
    connection: Connection, question: MessageQuestion, scope: Scope, intake: Intake, *, after: str | None, most: int,
    down: bool = True,
) -> list[MessageTold]:  # fmt: skip
    """At most `most` messages from behind the id `after` on; `down`: the newest first. By no statement a message."""
    wanted = await _wanted(connection, question, scope, intake)
    lines = await views.found(connection, wanted._replace(after=after, most=most, down=down))
    facts = await views.facts_said(connection, [line.message_id for line in lines])
    return [MessageTold(line, facts.get(line.message_id, ())) for line in lines]


async def whole(connection: Connection, message_id: str, scope: Scope, intake: Intake) -> MessageWhole | None:
    """One message and all that came of it; None where there is none in scope."""
    line = await views.one(connection, message_id, scope)
    if line is None:
        return None
    facts = (await views.facts_said(connection, [message_id])).get(message_id, ())
    text = await views.text_of(connection, message_id, scope)
    visit = await views.visit_of(connection, line.visit_id) if line.visit_id else None
    back = await _taken_back(connection, line, facts, visit[0], intake) if visit else None
    begun, ended = visit[1:] if visit else (None, None)
    return MessageWhole(MessageTold(line, facts), begun, ended, back, text is not None and text.sealed is not None)


async def _taken_back(
    connection: Connection, line: MessageLine, facts: Sequence[FactOfMessage], visit_key: str, intake: Intake
) -> str | None:
    """Which message took this one back: who cancelled its facts, else whose absence would let it stand."""
    if line.note != "taken-back" or line.visit_id is None:
        return None
    for fact in facts:
        if fact.gone_by and not fact.replaced:
            return fact.gone_by
    visit = VisitRecord(line.visit_id, line.patient_id or "", line.facility, visit_key)
    await store.fill(connection, {visit.visit_id: visit}, intake.long_visits.in_thread)
    return taken_back_by(visit_key, visit.messages, intake.places, line.message_id)


async def _wanted(connection: Connection, question: MessageQuestion, scope: Scope, intake: Intake) -> WantedMessages:
    """The question as it is looked up: a record number by its keyed hashes, a visit number by its visits."""
    patients = visits = None
    if question.mrn is not None:
        keys = await _keys(connection, question, scope, intake)
        patients = await views.patients_with(connection, keys)
    if question.visit_number is not None:
        visits = await views.visits_numbered(connection, question.visit_number, scope)
    return WantedMessages(
        scope,
        question.limit,
        since=first_id(question.since) if question.since else None,
        until=first_id(question.until) if question.until else None,
        trigger=question.trigger.rpartition("^")[2] if question.trigger else None,
        control_id=question.control_id,
        answer=question.answer,
        note=question.note,
        patients=patients,
        visits=visits,
    )


async def _keys(connection: Connection, question: MessageQuestion, scope: Scope, intake: Intake) -> set[bytes]:
    """The keyed hashes of a record number, as each facility in scope would tell it."""
    await intake.numbering.up_to_date(connection, ())
    at = intake.clock()
    told = (PatientId(question.mrn or "", question.authority, "MR"),)
    claims = [IdentityClaim(told, each.name, {}, at, at) for each in intake.site.facilities if scope.has(each.name)]
    return {key for claim in claims for number in intake.numbering.of(claim) for key in number.keys}
