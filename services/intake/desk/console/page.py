"""The console: GET /messages (all of them, by filters), /messages/{id}, /messages/try.

A record number, a visit number and a message that is tried come in a form, never in an address; a text is opened by a
form, and each look at one is audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.api import messages, trials, writes
from services.intake.api.deletions import DECIDERS
from services.intake.api.rate_limits import RateLimits
from services.intake.console.asking import MessageWhole
from services.intake.console.question import ANSWERS, FILTERS, NOTES, MessageFilters, MessageQuestion
from services.intake.console.reading_again import ReadAgain
from services.intake.desk import patient, taking_in
from services.intake.desk.console import drawing, wording
from services.intake.desk.console.drawing import Drawn
from services.intake.desk.taking_in import Asker
from services.intake.desk.views import visits_of
from services.intake.receiving.deletions import DELETING, deletes_visit
from services.intake.receiving.receive import Intake
from services.intake.visits.cancels import ASKS
from shared.errors import Rejected
from shared.scope import Scope
from shared.web import paging, posts, requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.desk import Address, facilities_of, may
from shared.web.forms import Form
from shared.web.pages import Notice, Pages, notice_of
from shared.web.sessions import FORM_BYTES, form, page_caller
from shared.web.words import say
from shared.web.zones import reading_zone

A_PAGE = 50
READ_AGAIN = "message-read-again"
ROOM = 1024
"""Bytes of a form that its other fields may take."""
Given = Mapping[str, str]


@dataclass(frozen=True)
class Console:
    """The pages, with what they ask and how often one person may."""

    intake: Intake
    rates: RateLimits
    frame: Pages

    def routes(self) -> list[BaseRoute]:
        """All routes of the console."""
        shown: list[tuple[str, Any, str]] = [
            ("/messages", self._list, "GET"),
            ("/messages/found", self._found, "POST"),
            ("/messages/try", self._form, "GET"),
            ("/messages/try", self._tried, "POST"),
            ("/messages/{id}", self._one, "GET"),
            ("/messages/{id}/text", self._text, "POST"),
            ("/messages/{id}/again", self._again, "POST"),
            ("/messages/{id}/apply", self._apply, "POST"),
        ]
        return [Route(path, self.frame.page(page), methods=[method]) for path, page, method in shown]

    async def _list(self, request: Request) -> Response:
        """Messages by filters that may be in an address."""
        who = page_caller(request, *messages.READERS)
        given = requests.parameters(request, {*FILTERS, "cursor"})
        return await self._listed(request, who, {name: value for name, value in given.items() if value})

    async def _found(self, request: Request) -> Response:
        """The same by the number of a patient or visit."""
        who = page_caller(request, *messages.OPENERS)
        fields = await form(request)
        asked = {
            name: fields[name].strip() for name in ("mrn", "visit_number", "cursor") if fields.get(name, "").strip()
        }
        self.rates.take(who)
        return await self._listed(request, who, asked, by_number=True)

    async def _listed(self, request: Request, who: Caller, given: Given, *, by_number: bool = False) -> Response:
        drawn = self._drawn(request)
        after = paging.behind({"cursor": given["cursor"]} if "cursor" in given else {}, 1)
        asked = {name: value for name, value in given.items() if name != "cursor"}
        try:
            question = self._question(asked, drawn)
            found, more = await messages.page(self.intake, who, question, (A_PAGE, after[0] if after else None))
            problem = ""
        except Problem as fault:
            found, more, problem = (), None, notice_of(fault).text
        told: dict[str, Any] = {
            "rows": [drawing.message(each, drawn) for each in found],
            "more": more,
            "asked": Address(asked),
            "given": Address(given),
            "by_number": by_number,
            "problem": problem,
            "facilities": facilities_of(self.intake.site, who),
            "notes": {name: wording.NOTE_WORDS[name] for name in NOTES},
            "answers": ANSWERS,
            "opens": may(who, messages.OPENERS),
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
        return self.frame.render(request, "messages.html", status, who=who, **told)

    def _question(self, asked: Given, drawn: Drawn) -> MessageQuestion:
        """What is asked; times as a browser writes them, in the reader's zone. Raises a 422 Problem."""
        told = dict(asked)
        for name in ("since", "until"):
            if name in told:
                told[name] = _instant(name, told[name], drawn)
        model = MessageQuestion if {"mrn", "visit_number"} & told.keys() else MessageFilters
        return MessageQuestion(**requests.read(model, orjson.dumps(told)).model_dump())

    async def _one(self, request: Request) -> Response:
        who = page_caller(request, *messages.READERS, *DECIDERS)
        requests.parameters(request, ())
        return await self._message(request, who)

    async def _text(self, request: Request) -> Response:
        """The same with its text, which is audited."""
        who = page_caller(request, *messages.OPENERS)
        await form(request)
        text = await messages.text(self.intake, who, request.path_params["id"])
        return await self._message(request, who, text=text)

    async def _again(self, request: Request) -> Response:
        """The same with what would change if it were read again."""
        who = page_caller(request, *messages.OPENERS)
        await form(request)
        return await self._shown_again(request, who)

    async def _shown_again(self, request: Request, who: Caller, notice: Notice | None = None) -> Response:
        drawn = self._drawn(request)
        found = await trials.read_again(self.intake, who, request.path_params["id"])
        again = {
            "outcome": drawing.read_again(found),
            "changes": drawing.changes(found.changes, drawn),
            "anything": found.anything,
            "digest": found.digest,
            "stated": proposed(found),
        }
        return await self._message(request, who, again=again, notice=notice)

    async def _apply(self, request: Request) -> Response:
        """What was shown is applied; where something else would change by now, that is shown."""
        who = page_caller(request, *messages.OPENERS)
        fields = await form(request)
        command = trials.ApplyReading(expected=fields.get("expected", "")[:40] or "-")
        message_id = request.path_params["id"]
        posted = posts.Posted(writes.READ_AGAIN, who, message_id, command, None, None)
        try:
            await posts.perform(writes.door(self.intake, self.rates), posted)
        except Rejected as no:
            return await self._shown_again(request, who, notice_of(no))
        return self.frame.go(request, f"/messages/{message_id}", READ_AGAIN)

    async def _message(
        self,
        request: Request,
        who: Caller,
        *,
        text: str | None = None,
        again: Mapping[str, Any] | None = None,
        notice: Notice | None = None,
    ) -> Response:
        found = await messages.whole(self.intake, who, request.path_params["id"])
        told: dict[str, Any] = {
            "one": drawing.whole(found, self._drawn(request)),
            "text": text,
            "again": again,
            "opens": may(who, messages.OPENERS),
            "patients": may(who, patient.READERS),
            "acts": await self._decisions(request, who, found) if may(who, DECIDERS) else (),
            "back": "list=deletions",
        }
        said = {"notice": notice} if notice else {}
        status = notice.status if notice else HTTPStatus.OK
        return self.frame.render(request, "message.html", status, who=who, **told, **said)

    async def _decisions(self, request: Request, who: Caller, found: MessageWhole) -> Sequence[Form]:
        """What may be said of a message that asks for a person."""
        line, asker = found.told.line, Asker(who, self.intake.clock(), reading_zone(request), self.intake.site)
        if line.trigger not in DELETING or line.note == "error":
            return ()
        if line.note == "applied":
            return [taking_in.deletion_back(line.message_id, asker)]
        if line.reason != ASKS or line.patient_id is None:
            return ()
        visits = None
        if deletes_visit(line.trigger) and line.visit_id is None:
            async with self.intake.database.read() as connection:
                known = await visits_of(connection, line.patient_id, Scope(frozenset({line.facility})))
            visits = {each.visit_id: drawing.visit(each, self._drawn(request)) for each in known if each.number}
        return [taking_in.deletion_by(line.message_id, line.trigger, asker, visits)]

    async def _form(self, request: Request) -> Response:
        who = page_caller(request, *messages.OPENERS)
        requests.parameters(request, ())
        return self.frame.render(request, "try.html", who=who, found=None, changes=None, text="", problem="")

    async def _tried(self, request: Request) -> Response:
        """What would come of a pasted message; nothing is stored."""
        who = page_caller(request, *messages.OPENERS)
        text = (await form(request)).get("message", "")
        raw = "\r".join(text.strip().splitlines()).encode() + b"\r"
        drawn = self._drawn(request)
        try:
            found = await trials.tried(self.intake, who, raw)
        except Problem as fault:
            nothing: dict[str, Any] = {"found": None, "changes": None, "problem": notice_of(fault).text}
            return self.frame.render(request, "try.html", fault.status, who=who, text=text, **nothing)
        told: dict[str, Any] = {
            "found": drawing.tried(found, drawn),
            "changes": drawing.changes(found.changes, drawn),
        }
        return self.frame.render(request, "try.html", who=who, text=text, problem="", **told)

    def _drawn(self, request: Request) -> Drawn:
        return Drawn(self.intake.site, reading_zone(request))


def proposed(found: ReadAgain) -> str:
    """The facts that would be stated, as placement is asked with what they would change of bills; empty where there are
    none, or more than a form takes."""
    told = orjson.dumps({"facts": trials.stated(found)}).decode() if found.stated else ""
    return told if len(quote_plus(told)) < FORM_BYTES - ROOM else ""


def _instant(name: str, text: str, drawn: Drawn) -> str:
    """A time as a browser's field writes it, with the offset of the reader's zone. Raises a 422 Problem."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise requests.unfit(name, say("this is no time")) from None
    zone = drawn.zone or drawn.site.facilities[0].zone_info
    return (told if told.tzinfo else told.replace(tzinfo=zone)).isoformat()
