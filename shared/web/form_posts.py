"""The forms of a desk's page: each is turned into the request body of the API's POST and carried out like one
(shared/web/posts.py). A refusal is shown on the page that the form was on. Without the rules of any service.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.errors import InvalidMessage, Rejected, Transient
from shared.site.config import Site
from shared.web import forms, idempotency, posts, requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.pages import DONE_ELSEWHERE, Notice, Pages, notice_of
from shared.web.posts import Posted, Write
from shared.web.prefix import base
from shared.web.sessions import form, page_caller
from shared.web.zones import zone_named

Decision = TypeVar("Decision")
Shown = Callable[[Request, Caller, Mapping[str, str], Notice | None, forms.Refused | None], Awaitable[Response]]
"""Makes the page: from the request, the caller, the parameters of the page's address, a notice, and a refused form that
is to be open (see `Desk.page`)."""
Fault = Problem | Rejected | InvalidMessage | Transient


def _lists(_: Request, back: Mapping[str, str]) -> str:
    """The desk's own page with these parameters."""
    return "/" + (f"?{urlencode(back)}" if back else "")


def _never(_: object, __: Caller, ___: bytes) -> str:
    """Nothing can be taken back."""
    return ""


@dataclass(frozen=True)  # no slots: a generic class notes its parameters in each value
class Acts(Generic[Decision]):
    """The forms of one desk. `filters`: the names of the parameters that the page's address may have; `shown` makes the
    page; `fields`: code of a refusal, or of a field's problem → the field of the form that it is about, where the
    refusal names none."""

    frame: Pages
    door: posts.PostDoor[Decision]
    site: Site
    filters: frozenset[str]
    shown: Shown
    fields: Mapping[str, str] = field(default_factory=dict)
    place: Callable[[Request, Mapping[str, str]], str] = _lists
    """From the request and the parameters of the page that the form was on to the address that is shown after the
    act."""
    why: Mapping[str, str] = field(default_factory=dict)
    """Code of a field's problem → its words, where the service has better ones."""
    undo: Callable[[Write[Decision], Caller, bytes], str] = _never
    """From an act, who did it and its answer to the path of this service where it is taken back; empty: nowhere."""

    def routes(self, writes: Iterable[Write[Decision]]) -> Sequence[BaseRoute]:
        """For every write the address of its form: that of the API without `/api`. A GET of it redirects to the
        desk."""
        found: list[BaseRoute] = []
        for write in writes:
            at = address(write.path)
            found.append(Route(at, self.frame.page(partial(self._act, write)), methods=["POST"]))
            found.append(Route(at, self._to_the_desk, methods=["GET"]))
        return found

    async def _to_the_desk(self, request: Request) -> Response:
        return self.frame.to(request, "/")

    async def _act(self, write: Write[Decision], request: Request) -> Response:
        who = page_caller(request, *write.roles)
        fields = await form(request)
        back = self._back(fields.get("form_back", ""))
        try:
            done = await posts.perform(self.door, self._posted(write, who, request, fields))
        except (Problem, Rejected, InvalidMessage, Transient) as fault:
            refused = forms.Refused(request.url.path.removeprefix(base(request)), fields, self._wrong(fault, fields))
            return await self.shown(request, who, back, notice_of(fault), refused)
        there = self.place(request, back)
        if not there.startswith(f"{base(request)}/"):
            return self.frame.lead(there, DONE_ELSEWHERE)
        return self.frame.lead(there, write.action, self.undo(write, who, done.body))

    def _wrong(self, fault: Fault, fields: Mapping[str, str]) -> dict[str, str]:
        """Field of the form → why it was not taken, for the fields that the refusal is about."""
        if isinstance(fault, Problem):
            told = [(_named(str(each["field"]), fields), each["problem"]) for each in fault.more.get("fields", ())]
            asked = {self.fields.get(problem, name): problem for name, problem in told}
            return {name: self._words(problem, fault) for name, problem in asked.items()}
        if isinstance(fault, Rejected):
            about = {*fault.possible, self.fields.get(fault.code, "")} & fields.keys()
            return dict.fromkeys(about, fault.text)
        return {fault.field: str(fault)} if isinstance(fault, forms.UnfitField) else {}

    def _words(self, problem: str, fault: Problem) -> str:
        """What is said at a field that was not taken, from the code of its problem."""
        if problem in self.why:
            return self.why[problem]
        if problem in {_UNFIT, fault.code}:
            return fault.text
        return "this is needed" if problem == "missing" else "this is not as it must be"

    def _posted(
        self, write: Write[Decision], who: Caller, request: Request, fields: Mapping[str, str]
    ) -> Posted[Decision]:
        raw = forms.body_of(write.asks, fields, self._zone(fields.get("form_zone", "")))
        sent = fields.get("form_key", "")[: idempotency.LONGEST] or "-"
        key = idempotency.Request(who.subject, sent, "POST", request.url.path, raw, requests.scope_text(who))
        command = requests.read(write.asks, raw)
        return Posted(write, who, request.path_params.get("id", ""), command, _seen(fields.get("form_seen", "")), key)

    def _zone(self, name: str) -> tzinfo:
        """The zone in which times were typed: of a facility, or the reader's by its IANA name. Raises a 422 Problem."""
        return zone_typed(self.site, name)

    def _back(self, text: str) -> dict[str, str]:
        """The parameters of the page that the form was on, from its field `form_back`; empty, which is the desk's first
        page, where they are not parameters of this page. Only the first 2,000 characters are read."""
        return back_of(text, self.filters)


def zone_typed(site: Site, name: str) -> tzinfo:
    """The zone in which times were typed: of a facility, or the reader's by its IANA name. Raises a 422 Problem."""
    facility = site.facility(name)
    zone = facility.zone_info if facility is not None else zone_named(name)
    if zone is None:
        raise requests.unfit("facility", "the site has no such facility")
    return zone


def back_of(text: str, filters: frozenset[str]) -> dict[str, str]:
    """The parameters in a form's field `form_back`; empty where some are not among `filters`. Only the first 2,000
    characters are read."""
    found = dict(parse_qsl(text[:2000]))
    return found if found.keys() <= filters else {}


def _named(field: str, fields: Mapping[str, str]) -> str:
    """The field of the form that a problem's field is: itself, or what is within it, else the one that it is within."""
    known = field in fields or any(name.startswith(f"{field}.") for name in fields)
    return field if known else field.partition(".")[0]


_UNFIT = "unfit"
"""The problem code of a field for which the refusal has a sentence: that sentence is shown at the field, as where a
field's code is the refusal's own."""


def address(path: str) -> str:
    """The API's path of a write → the address that its form is sent to."""
    return path.removeprefix("/api")


def _seen(text: str) -> int:
    """The episode's version that the page showed; -1, which is no version, for a text that is not a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
