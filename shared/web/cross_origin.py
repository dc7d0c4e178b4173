"""Pages of another service that ask here with their reader's own cookie: which may, and what they need to be told.

Reading only: a browser lets no other origin see the answer (Fetch standard, CORS), and nothing is changed by it.
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


def origins(text: str | None) -> frozenset[str]:
    """`https://a:1, https://b` → the origins as browsers tell them."""
    return frozenset(filter(None, (each.strip().rstrip("/").lower() for each in (text or "").split(","))))


def asking(known: frozenset[str]) -> Asking:
    """What tells who asks: by the Authorization header, else by the cookie where one of these origins' pages asks."""

    def who(request: Request, *roles: str) -> Caller:
        by_page = request.method == "GET" and request.headers.get("origin") in known
        by_cookie = by_page and "authorization" not in request.headers
        return (page_caller if by_cookie else caller)(request, *roles)

    return who


def readable(endpoint: Endpoint, known: frozenset[str]) -> Endpoint:
    """The same, and pages of these origins may read the answer, also one that says no: else they can't say why."""

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
