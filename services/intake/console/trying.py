"""Tries messages: what they would be answered and what would come of each, while nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from services.intake.console import views
from services.intake.console.changes import Changes, changes_of
from services.intake.console.rehearsing import for_rehearsal, rehearsed
from services.intake.receiving.dry_run import Line, check
from services.intake.receiving.read import InboundMessage, Received
from services.intake.receiving.receive import Intake, take_in
from shared.storage.database import Connection

DOOR = "try"


class MessageTried(NamedTuple):
    """What would come of one message. `line`: what `stepdown hl7 check` says of it with this site; `note`, `reason`:
    what would be noted of it; `warnings`: those of the line, and what is to be said beside what is stored; `begun_at`,
    `ended_at`: of its visit."""

    line: Line
    note: str
    reason: str | None
    warnings: Sequence[str]
    known_patient: bool
    known_visit: bool
    begun_at: datetime | None = None
    ended_at: datetime | None = None


class Tried(NamedTuple):
    """What would come of messages that were tried together, and all that would change by them."""

    messages: Sequence[MessageTried]
    changes: Changes


def facilities_in(raw: bytes, intake: Intake) -> list[str]:
    """The facilities that the messages are about, as site config or the sender names them."""
    inbound = for_rehearsal(intake).messages_of(Received(raw, DOOR, intake.clock()))
    return [each.facility for each in inbound if each.stored or each.facility]


async def tried(raw: bytes, intake: Intake) -> Tried:
    """What would come of the messages in these bytes: they are taken in, looked at, and rolled back.

    Raises Transient where the database is away, or where a facility has left just now.
    """
    at, trial = intake.clock(), for_rehearsal(intake)
    lines = list(check("", raw, trial.rules, at, trial.site))
    inbound = trial.messages_of(Received(raw, DOOR, at))

    async def work(connection: Connection) -> None:
        await take_in(connection, inbound, trial)

    async def look(connection: Connection, _: None) -> Tried:
        patients = {each.patient_id for each in inbound if each.patient_id}
        visits = {each.visit_id for each in inbound if each.visit_id}
        async with intake.database.read() as committed:  # what is there without the trial
            known = await views.known(committed, patients, visits)
            was = await views.noted(committed, patients)
        written, noted = await views.stated_now(connection, patients), await views.noted_now(connection, patients)
        spans = await views.spans_of(connection, visits)
        own = {each.message_id for each in inbound}
        found = [_one(line, each, known, spans) for line, each in zip(lines, inbound, strict=False)]
        others = [each for each in noted if each.message_id not in own]
        return Tried(found, changes_of(written, others, was))

    return await rehearsed(intake.database, work, look)


def _one(line: Line, inbound: InboundMessage, known: frozenset[str], spans: Mapping[str, views.Span]) -> MessageTried:
    begun, ended = spans.get(inbound.visit_id or "", (None, None))
    warnings = tuple(dict.fromkeys((*line.warnings, *inbound.warnings)))
    place = (inbound.patient_id in known, inbound.visit_id in known)
    answer = inbound.outcome
    ack = replace(line, ack=answer.code, error=answer.fault) if answer.code != line.ack else line
    note = "refused" if answer.code == "AR" else inbound.note
    return MessageTried(ack, note, inbound.reason, warnings, *place, begun, ended)
