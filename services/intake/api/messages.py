"""GET /api/messages and what is asked of one message: what hospitals sent, what they got back, and what came of it.

Lists have ids, codes and reasons, never a value of a message. A record number or visit number is asked for by POST, in
the body. The sealed text of a message is for the role interface, and every look at it is audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import MessagePage, MessageText, MessageWholeShown
from services.intake.api.feeds import known_facility
from services.intake.api.reads import Read, Reading
from services.intake.console import asking
from services.intake.console.asking import MessageTold, MessageWhole
from services.intake.console.effects import waits_for
from services.intake.console.question import (
    ANSWERS,
    FILTERS,
    LISTED_NOTES,
    NOTES,
    MessageFilters,
    MessageQuestion,
)
from services.intake.console.texts import opened
from services.intake.console.views import FactOfMessage
from services.intake.receiving.receive import Intake
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi, paging, requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller

READERS = ("coordinator", "interface", "auditor")
OPENERS = ("interface",)
"""Who opens the text of a message, and finds messages by the number of a patient or visit."""
LISTED = "messages-listed"
"""The action in the audit of who listed messages."""


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/messages."""
    who = caller(request, *READERS)
    given = requests.parameters(request, {"state", *FILTERS, *paging.PARAMETERS})
    state = requests.one_of(given, "state", sorted(LISTED_NOTES))
    most, after = paging.limit(given), paging.behind(given, 1)
    filters = requests.read(MessageFilters, orjson.dumps({name: given[name] for name in FILTERS if name in given}))
    question = MessageQuestion(**filters.model_dump())
    if state is not None:
        question = question.model_copy(update={"note": LISTED_NOTES[state]})
    told, more = await page(reading.intake, who, question, (most, after[0] if after else None), down=state is None)
    return JSON({"messages": [shown(each, reading.intake) for each in told], "next": more})


async def _found(reading: Reading, request: Request) -> Response:
    """POST /api/messages/find: the question, with numbers of patients and visits, is the body."""
    who = caller(request, *OPENERS)
    requests.media_type(request, ("application/json",))
    question = requests.read(MessageQuestion, await requests.body(request))
    after = paging.behind({"cursor": question.cursor} if question.cursor else {}, 1)
    reading.rates.take(who)
    told, more = await page(reading.intake, who, question, (question.limit, after[0] if after else None))
    return JSON({"messages": [shown(each, reading.intake) for each in told], "next": more})


async def _one(reading: Reading, request: Request) -> Response:
    """GET /api/messages/{id}."""
    who, intake = caller(request, *READERS), reading.intake
    requests.parameters(request, ())
    found = await whole(intake, who, request.path_params["id"])
    return JSON(shown_whole(found, intake))


async def _text(reading: Reading, request: Request) -> Response:
    """GET /api/messages/{id}/text."""
    who = caller(request, *OPENERS)
    requests.parameters(request, ())
    message_id = request.path_params["id"]
    return JSON({"message_id": message_id, "text": await text(reading.intake, who, message_id)})


async def page(
    intake: Intake, who: Caller, question: MessageQuestion, place: tuple[int, str | None], *, down: bool = True
) -> tuple[Sequence[MessageTold], str | None]:
    """(A page of messages, the cursor of the next one), audited. `place`: how many at most, and the id behind which the
    page begins. Raises a Problem (403) for a facility that is not the caller's."""
    most, after = place
    scope = scope_of(who, question.facility)
    async with intake.database.begin() as connection:
        found = await asking.asked(connection, question, scope, intake, after=after, most=most + 1, down=down)
        await _note(connection, intake, who, LISTED, question.note or "all")
    return paging.page(found, most, lambda one: (one.line.message_id,))


async def whole(intake: Intake, who: Caller, message_id: str) -> MessageWhole:
    """One message, audited. Raises a Problem (404)."""
    async with intake.database.begin() as connection:
        found = await asking.whole(connection, message_id, scope_of(who), intake) if "\0" not in message_id else None
        if found is None:
            raise missing()
        await _note(connection, intake, who, "message-read", message_id)
    return found


async def text(intake: Intake, who: Caller, message_id: str) -> str:
    """The text of a message, its segments as lines; the look is audited before it is shown. Raises a Problem (404)."""
    async with intake.database.begin() as connection:
        found = await opened(connection, intake.seal, message_id, scope_of(who))
        if found is None:
            raise missing()
        await _note(connection, intake, who, "message-opened", message_id)
    if not found.kept:
        raise Problem(HTTPStatus.NOT_FOUND, "text-not-kept", "its text is not kept any more")
    return found.text


def missing() -> Problem:
    """The 404 Problem for a message that is not there, or is outside the caller's scope."""
    return requests.missing("no-such-message", "there is no such message that you may see")


def scope_of(who: Caller, facility: str | None = None) -> Scope:
    """The caller's facilities, or that one. Raises a Problem (403) where it is none of the caller's."""
    return requests.scope(who, facility)


async def _note(connection: Connection, intake: Intake, who: Caller, action: str, subject: str) -> None:
    await audit.note(connection, [audit.Entry(intake.clock(), who.subject, action, subject)])


def shown(told: MessageTold, intake: Intake) -> Mapping[str, Any]:
    """A message as it is listed."""
    line = told.line
    refused = line.note in {"error", "refused"}
    code, _, location = (line.reason or "").partition(" ") if refused else ("", "", "")
    found = {
        "message_id": line.message_id,
        "facility": known_facility(line.facility, intake),
        "door": line.door,
        "trigger": line.trigger or None,
        "control_id": line.control_id or None,
        "since": line.arrived_at,
        "answer": line.answer,
        "note": line.note,
        "reason": line.reason if not refused else None,
        "waits_for": waits_for(line.trigger, line.note, line.reason),
        "code": int(code) if code.isdigit() else None,
        "location": location or None,
        "warnings": list(line.warnings) or None,
        "patient_id": line.patient_id,
        "visit_id": line.visit_id,
        "facts": [_fact(each) for each in told.facts] or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def shown_whole(found: MessageWhole, intake: Intake) -> Mapping[str, Any]:
    """One message with all that came of it."""
    more = {"begun_at": found.begun_at, "ended_at": found.ended_at, "taken_back_by": found.taken_back_by}
    known = {name: value for name, value in more.items() if value is not None}
    return {**shown(found.told, intake), **known, "has_text": found.has_text}


def _fact(fact: FactOfMessage) -> Mapping[str, Any]:
    state = "stands" if fact.standing else "replaced" if fact.replaced else "taken-back"
    found = {
        "fact_id": fact.ce_id, "type": fact.type, "episode_id": fact.episode_id, "occurred_at": fact.occurred_at,
        "state": state, "by": fact.gone_by,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


_ASKS = (
    openapi.query("since", {"format": "date-time"}, about="that arrived then or later"),
    openapi.query("until", {"format": "date-time"}, about="that arrived before then"),
    openapi.query("facility", about="one facility of site config"),
    openapi.query("trigger", about="MSH-9.2"),
    openapi.query("control_id", about="MSH-10"),
    openapi.query("answer", {"enum": list(ANSWERS)}, about="MSA-1 as it was sent back"),
    openapi.query("note", {"enum": list(NOTES)}, about="what became of it"),
    openapi.query("state", {"enum": sorted(LISTED_NOTES)}, about="a list of those to look at, the oldest first"),
    openapi.parameter("Limit"),
    openapi.parameter("Cursor"),
)
READS = (
    Read(
        "/api/messages", "listMessages", "Messages that came, the newest first, and what came of each", READERS,
        MessagePage, _listed, _ASKS,
    ),
    Read(
        "/api/messages/find", "findMessages", "The same, also by record number or visit number", OPENERS,
        MessagePage, _found, (), (429,), body=MessageQuestion,
    ),
    Read("/api/messages/{id}", "getMessage", "A message and all that came of it", READERS, MessageWholeShown, _one),
    Read("/api/messages/{id}/text", "openMessage", "The sealed text of one; audited", OPENERS, MessageText, _text),
)  # fmt: skip
