"""What the forms of a desk's page do: each goes the way of the API's POST (shared/web/posts.py), as what was asked for
there; what is refused is said on the page that one was on. No rule of a service.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from shared.web.pages import Notice, Pages, said_of
from shared.web.posts import Posted, Write
from shared.web.sessions import form, page_caller

Decision = TypeVar("Decision")
Shown = Callable[[Request, Caller, Mapping[str, str], Notice | None, forms.Refused | None], Awaitable[Response]]
"""The page with these filters, a notice on top, and a form that was refused open at its place."""
Fault = Problem | Rejected | InvalidMessage | Transient


@dataclass(frozen=True)  # no slots: a generic class notes its parameters in each value
class Acts(Generic[Decision]):
    """One desk's forms. `filters`: the names that an address of its page may have; `fields`: code of a refusal → the
    field that it is about, where the refusal names none."""

    frame: Pages
    door: posts.PostDoor[Decision]
    site: Site
    filters: frozenset[str]
    shown: Shown
    fields: Mapping[str, str] = field(default_factory=dict)

    def routes(self, writes: Iterable[Write[Decision]]) -> Sequence[BaseRoute]:
        """A form's address for every write: that of the API without `/api`; who opens it comes to the desk."""
        found: list[BaseRoute] = []
        for write in writes:
            at = address(write.path)
            found.append(Route(at, self.frame.page(partial(self._act, write)), methods=["POST"]))
            found.append(Route(at, self._to_the_desk, methods=["GET"]))
        return found

    async def _to_the_desk(self, _: Request) -> Response:
        return self.frame.to("/")

    async def _act(self, write: Write[Decision], request: Request) -> Response:
        who = page_caller(request, *write.roles)
        fields = await form(request)
        back = self._back(fields.get("form_back", ""))
        try:
            await posts.perform(self.door, self._posted(write, who, request, fields))
        except (Problem, Rejected, InvalidMessage, Transient) as fault:
            refused = forms.Refused(request.url.path, fields, self._wrong(fault, fields))
            return await self.shown(request, who, back, said_of(fault), refused)
        return self.frame.go("/" + (f"?{urlencode(back)}" if back else ""), write.action)

    def _wrong(self, fault: Fault, fields: Mapping[str, str]) -> dict[str, str]:
        """Field → why, of those that the refusal is about."""
        if isinstance(fault, Problem):
            told = [(str(each["field"]).partition(".")[0], each["problem"]) for each in fault.more.get("fields", ())]
            return {name: _why(problem, fault.text) for name, problem in told if name in fields}
        if isinstance(fault, Rejected):
            about = {*fault.possible, self.fields.get(fault.code, "")} & fields.keys()
            return dict.fromkeys(about, fault.text)
        return {fault.field: str(fault)} if isinstance(fault, forms.UnfitField) else {}

    def _posted(
        self, write: Write[Decision], who: Caller, request: Request, fields: Mapping[str, str]
    ) -> Posted[Decision]:
        facility = self.site.facility(fields.get("form_zone", ""))
        if facility is None:
            raise requests.unfit("facility", "the site has no such facility")
        raw = forms.body_of(write.asks, fields, facility.zone_info)
        sent = fields.get("form_key", "")[: idempotency.LONGEST] or "-"
        key = idempotency.Request(who.subject, sent, "POST", request.url.path, raw, requests.told_scope(who))
        command = requests.read(write.asks, raw)
        return Posted(write, who, request.path_params.get("id", ""), command, _seen(fields.get("form_seen", "")), key)

    def _back(self, text: str) -> dict[str, str]:
        """Where somebody was; whatever is no address of this page is its beginning."""
        found = dict(parse_qsl(text[:2000]))
        return found if found.keys() <= self.filters else {}


_UNFIT = "unfit"
"""A field that the site does not know is told of in words of its own."""


def _why(problem: str, text: str) -> str:
    """Why a field was not taken."""
    if problem == _UNFIT:
        return text
    return "this is needed" if problem == "missing" else "this is not as it must be"


def address(path: str) -> str:
    """Where the form of a write of the API is sent."""
    return path.removeprefix("/api")


def _seen(text: str) -> int:
    """The version that the page was made of; -1, which fits none, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
