"""POST /many: one act on many rows of a list, those that are ticked or the one whose button it was. What can be done is
done, and of each other row a sentence says why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.errors import Rejected
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import marking, requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.csv_lists import export, exported
from shared.web.desk import Desk
from shared.web.form_posts import Shown, back_of
from shared.web.marking import Asked, Lists, SeenEntry
from shared.web.marks import GiveBack, Snooze, Take, Wake
from shared.web.pages import Failed, Notice
from shared.web.prefix import base
from shared.web.saved_view_forms import SavedViewForms
from shared.web.sessions import form, page_caller
from shared.web.words import say, say_count

ROW = "row."
"""Before the id of a row in the name of its tick."""


class Ticked(NamedTuple):
    """What was sent: by whom, the parameters of the page that it was on, the ids of the rows, and the form's fields."""

    who: Caller
    back: Mapping[str, str]
    ids: Sequence[str]
    fields: Mapping[str, str]


class Outcome(NamedTuple):
    """What came of an act: the code and the words of what was done, how many times; and what was not."""

    code: str
    done: int
    failed: Sequence[Failed]


class OtherPage(NamedTuple):
    """A page with entries that is no list, such as a patient's: the parameters by which a form says that it was there,
    where that is, and how it is `shown`; for a form of a list, the list."""

    filters: frozenset[str]
    place: Callable[[Request, Mapping[str, str]], str]
    shown: Shown


Own = Callable[[Request, Ticked], Awaitable[Outcome]]
"""An act of a service's own on ticked rows."""
_MARKS: Mapping[str, tuple[str, type[Any], marking.Act, Mapping[str, str]]] = {
    "take": ("entry-taken", Take, marking.take, {}),
    "hand": ("entry-handed", Take, marking.take, {"to": "to"}),
    "give-back": ("entry-given-back", GiveBack, marking.give_back, {}),
    "snooze": ("entry-snoozed", Snooze, marking.snooze, {"until": "until", "why": "reason"}),
    "wake": ("entry-woken", Wake, marking.wake, {}),
}
"""Button → the code of what was done, the command, the act, and field of the form → field of the command."""
DONE: Mapping[str, str] = {
    "entry-taken": "taken: others see that you have it",
    "entry-handed": "handed on",
    "entry-given-back": "given back: nobody has it now",
    "entry-snoozed": "snoozed: it comes back to the list by itself",
    "entry-woken": "back in the list",
    "view-saved": "the view is saved: it is in the rail",
    "view-deleted": "the view is deleted",
}
"""What is said after an act."""


class ManyForms:
    """The forms of a desk that are about many rows, its files, and its readers' views. `own`: button → an act of the
    service's own; `other`: where else than on a list its buttons stand."""

    def __init__(
        self, desk: Desk, lists: Lists, own: Mapping[str, Own] | None = None, other: OtherPage | None = None
    ) -> None:
        self._desk, self._lists, self._own, self._other = desk, lists, own or {}, other

    def routes(self) -> Sequence[BaseRoute]:
        """POST /many, GET /csv, and the forms of saved views."""
        page = self._desk.frame.page
        return [
            Route("/many", page(self._sent), methods=["POST"]),
            Route("/many", self._to_the_desk, methods=["GET"]),
            Route("/csv", page(self._file), methods=["GET"]),
            *SavedViewForms(self._desk).routes(),
        ]

    async def _to_the_desk(self, request: Request) -> Response:
        return self._desk.frame.to(request, "/")

    async def _file(self, request: Request) -> Response:
        return await exported(self._desk, request)

    async def _sent(self, request: Request) -> Response:
        who = page_caller(request, *self._desk.source.readers)
        fields = await form(request)
        also = self._other.filters if self._other else frozenset()
        back = back_of(fields.get("form_back", ""), self._desk.source.filters | also)
        button, _, one = fields.get("do", "").partition(":")
        ids = [one] if one else [name.removeprefix(ROW) for name in fields if name.startswith(ROW)]
        ticked = Ticked(who, back, ids, fields)
        if not ids:
            text = say("tick the rows first that this is to be done with")
            return await self._shown(request, who, back, Notice(text, status=HTTPStatus.UNPROCESSABLE_ENTITY))
        if button == "export":
            return await export(self._desk, request, who, back, ids)
        if button in self._own:
            return await self._told(request, ticked, await self._own[button](request, ticked))
        if button not in _MARKS:
            raise requests.unfit("do", "there is no such button")
        return await self._told(request, ticked, await self._marked(button, ticked))

    async def _marked(self, button: str, ticked: Ticked) -> Outcome:
        """Take, hand on, give back, snooze or wake, in one transaction; a row that cannot be changed stays as it is."""
        code, asks, act, names = _MARKS[button]
        requests.one_of_roles(ticked.who, self._lists.takers)
        given = {to: ticked.fields[name] for name, to in names.items() if ticked.fields.get(name)}
        command, at = requests.read(asks, orjson.dumps(given)), self._desk.clock()
        if "to" in names.values() and not given:
            raise requests.unfit("to", "choose a colleague")
        asked = Asked(ticked.who, at, self._lists.takers)
        failed, done = list[Failed](), 0
        async with self._desk.database.begin() as connection:
            found = await self._lists.named(connection, ticked.back.get("list", ""), ticked.who, ticked.ids, at)
            for entry in sorted(found, key=lambda each: each.marked):
                why = await _tried(connection, entry, asked, code, lambda one: act(connection, one, asked, command))
                failed += [Failed(entry.patient_id, "", why)] if why else []
                done += not why
        if not found:
            raise requests.missing(text="none of these rows is in the list any more")
        gone = len(ticked.ids) - len(found)
        failed += [Failed("", say("A row"), say("is not in this list any more"))] * gone
        return Outcome(code, done, failed)

    async def _told(self, request: Request, ticked: Ticked, outcome: Outcome) -> Response:
        """The page that the form was on: with a sentence where all is done, else with a sentence for each that is
        not."""
        if not outcome.failed:
            other = self._other.place(request, ticked.back) if self._other else ""
            return self._desk.frame.lead(other or f"{base(request)}{self._desk.address(ticked.back)}", outcome.code)
        done = say_count("{count} is done", "{count} are done", outcome.done)
        text = say("{done}; these are not:", done=done) if outcome.done else say("nothing was done:")
        status = HTTPStatus.OK if outcome.done else HTTPStatus.CONFLICT
        notice = Notice(text, status=status, failed=outcome.failed)
        return await self._shown(request, ticked.who, ticked.back, notice)

    async def _shown(self, request: Request, who: Caller, back: Mapping[str, str], notice: Notice) -> Response:
        if self._other is None:
            return await self._desk.page(request, who, back, notice)
        return await self._other.shown(request, who, back, notice, None)


async def _tried(
    connection: Connection, entry: SeenEntry, asked: Asked, code: str, act: Callable[[SeenEntry], Awaitable[None]]
) -> str:
    """Why the act cannot be done with this entry; empty where it is done."""
    try:
        await act(entry)
    except Rejected as no:
        told = audit.Entry(asked.at, asked.who.subject, code, entry.episode_id)
        await audit.refused(connection, told, no)
        return no.text
    except Problem as unfit:
        return unfit.text
    return ""
