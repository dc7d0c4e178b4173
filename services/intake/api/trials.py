"""POST /api/messages/try: what messages would be answered and what would come of them, while nothing is stored; and a
message that came is read again: what would change by it, and then, as an act of its own, applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, RootModel
from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import ReadAgainShown, TriedShown
from services.intake.api.messages import OPENERS, missing, scope_of
from services.intake.api.reads import Read, Reading
from services.intake.console import reading_again, trying
from services.intake.console.changes import ChangedFact, NotedAnew
from services.intake.console.effects import waits_for
from services.intake.console.reading_again import ReadAgain
from services.intake.console.rehearsing import for_rehearsal
from services.intake.console.trying import MessageTried, Tried
from services.intake.receiving.http import TAKEN
from services.intake.receiving.receive import Intake
from shared.errors import Rejected
from shared.facts.envelope import Fact
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller
from shared.web.commands import Command

Shown = Mapping[str, Any]


class ApplyReading(Command):
    """`POST /api/messages/{id}/read-again`: what was shown is applied."""

    expected: str = Field(min_length=1, max_length=40, description="`digest` of what was shown")


class Applied(RootModel[dict[str, Any]]):
    """The outcome as `GET` of the same address showed it."""


async def _tried(reading: Reading, request: Request) -> Response:
    """POST /api/messages/try."""
    who = caller(request, *OPENERS)
    requests.media_type(request, TAKEN, absent=True)
    raw = await requests.body(request, reading.intake.site.limits.message_bytes)
    return JSON(tried_shown(await tried(reading.intake, who, raw)))


async def tried(intake: Intake, who: Caller, raw: bytes) -> Tried:
    """What would come of these messages; that they were tried is audited. Raises a Problem (403) for a message of a
    facility that is not the caller's."""
    facilities = trying.facilities_in(raw, intake)
    for facility in facilities:
        requests.within(who, facility)
    found = await trying.tried(raw, intake)
    known = sorted({each.name for name in facilities if (each := intake.site.facility(name))})
    async with intake.database.begin() as connection:
        entries = [audit.Entry(intake.clock(), who.subject, "message-tried", each) for each in known or ["nowhere"]]
        await audit.note(connection, entries)
    return found


async def _shown_again(reading: Reading, request: Request) -> Response:
    """GET /api/messages/{id}/read-again."""
    who = caller(request, *OPENERS)
    requests.parameters(request, ())
    return JSON(again_shown(await read_again(reading.intake, who, request.path_params["id"])))


async def read_again(intake: Intake, who: Caller, message_id: str) -> ReadAgain:
    """What would change by reading a message again. Raises a Problem (404), or Rejected where its text is gone."""
    found = None if "\0" in message_id else await reading_again.preview(intake, message_id, scope_of(who))
    if found is None:
        raise missing()
    return found


async def apply(intake: Intake, connection: Connection, who: Caller, message_id: str, asked: ApplyReading) -> Applied:
    """Read a message again and write what follows. Raises Rejected where another outcome was shown, a Problem (404)."""
    found = await reading_again.apply(connection, for_rehearsal(intake), message_id, scope_of(who))
    if found is None:
        raise missing()
    if found.digest != asked.expected:
        raise Rejected("changed-meanwhile", "something else would change now than was shown: look at it again")
    await audit.note(connection, [audit.Entry(intake.clock(), who.subject, "message-read-again", message_id)])
    told = dict(again_shown(found))
    del told["stated"]  # a record number may be in it, and answers are remembered as they are
    return Applied(told)


def tried_shown(found: Tried) -> Shown:
    """What would come of messages that were tried."""
    return {
        "messages": [_one(each) for each in found.messages],
        "facts": _facts(found.changes.facts),
        "others": _notes(found.changes.notes),
    }


def again_shown(found: ReadAgain) -> Shown:
    """What changes by reading a message again."""
    code, _, location = (found.fault or "").partition(" ")
    told = {
        "message_id": found.message_id,
        "before": found.before,
        "answer": found.answer,
        "code": int(code) if code.isdigit() else None,
        "location": location or None,
        "note": found.note,
        "reason": found.reason,
        "waits_for": waits_for(found.trigger, found.note, found.reason),
        "warnings": list(found.warnings),
        "fields": list(found.fields),
        "facts": _facts(found.changes.facts),
        "messages": _notes(found.changes.notes),
        "stated": stated(found),
        "changes": found.anything,
        "digest": found.digest,
    }
    return {name: value for name, value in told.items() if value is not None}


def _one(tried: MessageTried) -> Shown:
    line = tried.line
    place = f"{line.error.segment}-{line.error.field}" if line.error and line.error.field else None
    told = {
        "index": line.index,
        "trigger": line.trigger,
        "control_id": line.control_id,
        "answer": line.ack,
        "code": line.error.code if line.error else None,
        "location": place or (line.error.segment if line.error else None),
        "charset": line.charset,
        "warnings": list(tried.warnings),
        "note": tried.note,
        "reason": tried.reason if tried.note not in {"error", "refused"} else None,
        "waits_for": waits_for(line.trigger or "", tried.note, tried.reason),
        "known_patient": tried.known_patient,
        "known_visit": tried.known_visit,
        "begun_at": tried.begun_at,
        "ended_at": tried.ended_at,
    }
    return {name: value for name, value in told.items() if value is not None}


def stated(found: ReadAgain) -> list[Shown]:
    """The facts and cancels that would be stated, as published: placement is asked with them what bills would change
    (`POST /api/bills/try`)."""
    return [_published(each) for each in found.stated]


def _published(fact: Fact) -> Shown:
    return {
        "ce_id": fact.id,
        "ce_type": fact.type,
        "ce_source": f"/stepdown/{fact.writer}",
        "ce_subject": fact.subject,
        "ce_sequence": fact.sequence,
        "ce_time": fact.time,
        **({"ce_copyof": fact.copy_of} if fact.copy_of else {}),
        "value": fact.as_json,
    }


def _facts(changed: Sequence[ChangedFact]) -> list[Shown]:
    return [{"change": each.change, "type": each.type, "occurred_at": each.occurred_at} for each in changed]


def _notes(changed: Sequence[NotedAnew]) -> list[Shown]:
    every = [each._asdict() for each in changed]
    return [{name: value for name, value in each.items() if value is not None} for each in every]


_ER7 = {kind: {"schema": openapi.TEXT} for kind in TAKEN}
READS = (
    Read(
        "/api/messages/try", "tryMessages", "What would come of messages; nothing is stored", OPENERS, TriedShown,
        _tried, body=_ER7,
    ),
    Read(
        "/api/messages/{id}/read-again", "showReadingAgain", "What would change if a message were read again", OPENERS,
        ReadAgainShown, _shown_again, (), (409,),
    ),
)  # fmt: skip
