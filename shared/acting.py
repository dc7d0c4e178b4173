"""What the forms of a desk's page do: each goes the way of the API's POST (shared/api/posts.py), as what was asked for
there; what is refused is said on the page that one was on. No rule of a service.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared import forms, idempotency
from shared.api import asking, posts
from shared.api.posts import Posted, Write
from shared.auth import Caller
from shared.errors import InvalidMessage, Rejected, Transient
from shared.pages import Notice, Pages, said_of
from shared.signing_in import form, page_caller
from shared.site_config import Site
from shared.web import Problem

Decision = TypeVar("Decision")
Shown = Callable[[Request, Caller, Mapping[str, str], Notice | None], Awaitable[Response]]
"""The page with these filters, and a notice on top."""


@dataclass(frozen=True)  # no slots: a generic class notes its parameters in each value
class Acts(Generic[Decision]):
    """One desk's forms. `filters`: the names that an address of its page may have."""

    frame: Pages
    door: posts.Door[Decision]
    site: Site
    filters: frozenset[str]
    shown: Shown

    def routes(self, writes: Iterable[Write[Decision]]) -> Sequence[BaseRoute]:
        """A form's address for every write: that of the API without `/api`."""
        return [
            Route(address(write.path), self.frame.page(partial(self._act, write)), methods=["POST"]) for write in writes
        ]

    async def _act(self, write: Write[Decision], request: Request) -> Response:
        who = page_caller(request, *write.roles)
        fields = await form(request)
        back = self._back(fields.get("form_back", ""))
        try:
            await posts.perform(self.door, self._posted(write, who, request, fields))
        except (Problem, Rejected, InvalidMessage, Transient) as fault:
            return await self.shown(request, who, back, said_of(fault))
        return self.frame.go("/" + (f"?{urlencode(back)}" if back else ""), write.action)

    def _posted(
        self, write: Write[Decision], who: Caller, request: Request, fields: Mapping[str, str]
    ) -> Posted[Decision]:
        facility = self.site.facility(fields.get("form_zone", ""))
        if facility is None:
            raise asking.unfit("facility", "the site has no such facility")
        raw = forms.body_of(write.asks, fields, facility.zone_info)
        sent = fields.get("form_key", "")[: idempotency.LONGEST] or "-"
        key = idempotency.Request(who.subject, sent, "POST", request.url.path, raw)
        command = asking.read(write.asks, raw)
        return Posted(write, who, request.path_params.get("id", ""), command, _seen(fields.get("form_seen", "")), key)

    def _back(self, text: str) -> dict[str, str]:
        """Where somebody was; whatever is no address of this page is its beginning."""
        found = dict(parse_qsl(text[:2000]))
        return found if found.keys() <= self.filters else {}


def address(path: str) -> str:
    """Where the form of a write of the API is sent."""
    return path.removeprefix("/api")


def _seen(text: str) -> int:
    """The version that the page was made of; -1, which fits none, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
