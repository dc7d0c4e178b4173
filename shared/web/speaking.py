"""In which language pages are said: what the reader chose on a page, else what their browser asks for; programs are
answered in English.

The choice is a cookie of the whole host, so that the desks of all services are in one language.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from shared.web.words import LANGUAGES, speaking

CHOSEN = "stepdown_language"
"""The cookie with the code of the language that a reader chose."""
A_YEAR = 365 * 24 * 60 * 60
"""Seconds for which a browser keeps the choice."""
OF_PROGRAMS = ("/api/", "/health/", "/metrics", "/assets/")
"""Where the addresses begin that are not for people."""


class Speaks:
    """Middleware: says everything of one request in its reader's language."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OF_PROGRAMS):
            await self.app(scope, receive, send)
            return
        with speaking(wanted(Request(scope))):
            await self.app(scope, receive, send)


def wanted(request: Request) -> str:
    """The language that was chosen, else the text of the Accept-Language header (RFC 9110 12.5.4)."""
    chosen = request.cookies.get(CHOSEN, "")
    return chosen if chosen in LANGUAGES else request.headers.get("accept-language", "")


def choose(request: Request, headers: dict[str, str]) -> Response:
    """GET /sign-in/language?to=…: keeps the choice, and leads back (303) to the page that it was made on.

    A link, since nothing but how pages look to one reader hangs on it; one on another site's page chooses nothing."""
    own = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    asked = request.query_params.get("to", "")
    answer = RedirectResponse(_page_before(request), HTTPStatus.SEE_OTHER, headers)
    if own and asked in LANGUAGES:
        answer.set_cookie(
            CHOSEN, asked, A_YEAR, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
    return answer


def _page_before(request: Request) -> str:
    """Path and query of the page that the link was on, where the browser tells it; else the service's first page."""
    before = urlsplit(request.headers.get("referer", ""))
    path = before.path if before.netloc == request.headers.get("host") else ""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return f"{request.scope.get('root_path', '')}/"
    return path + (f"?{before.query}" if before.query else "")
