"""GETs from pages of another service's origin, with the cookie of the person who reads the page: which origins may, and
the headers that let them (CORS, Fetch standard).

GET only, so that nothing can be changed this way; a browser shows the answer to no other origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from shared.errors import StepdownError
from shared.web.app import answer_to, caller
from shared.web.auth import Caller
from shared.web.sessions import page_caller

Endpoint = Callable[[Request], Awaitable[Response]]
Asking = Callable[..., Caller]
"""(request, *roles) → who asks, as `caller` in app.py does."""


def origins(text: str | None) -> frozenset[str]:
    """A setting such as `https://a:1, https://b` → the origins as browsers send them; empty for None."""
    return frozenset(filter(None, (each.strip().rstrip("/").lower() for each in (text or "").split(","))))


def asking(known: frozenset[str]) -> Asking:
    """Returns a function that says who asks: by the Authorization header, or by the cookie for a GET without that
    header from one of the origins `known`. It raises as `caller` does."""

    def who(request: Request, *roles: str) -> Caller:
        by_page = request.method == "GET" and request.headers.get("origin") in known
        by_cookie = by_page and "authorization" not in request.headers
        return (page_caller if by_cookie else caller)(request, *roles)

    return who


def readable(endpoint: Endpoint, known: frozenset[str]) -> Endpoint:
    """The endpoint with answers that pages of the origins `known` may read; an error is answered here too, so that they
    can read that as well."""

    async def answered(request: Request) -> Response:
        try:
            answer = await endpoint(request)
        except StepdownError as fault:
            answer = await answer_to(request, fault)
        answer.headers["vary"] = "Origin"
        if (origin := request.headers.get("origin")) in known:
            answer.headers["access-control-allow-origin"] = str(origin)
            answer.headers["access-control-allow-credentials"] = "true"
        return answer

    return answered
