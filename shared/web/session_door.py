"""`/session` of the service that keeps sessions: the other services ask there who somebody is by the cookie, and have
sessions begun and ended."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.errors import Transient
from shared.web.app import COOKIE, JSON, SESSION_FOUND, Problem, caller_by
from shared.web.auth import NotSignedIn
from shared.web.kept_sessions import OpenSession, Sessions


def routes() -> list[BaseRoute]:
    """GET, POST and DELETE /session."""
    return [
        Route("/session", _told, methods=["GET"]),
        Route("/session", _begun, methods=["POST"]),
        Route("/session", _ended, methods=["DELETE"]),
    ]


async def _told(request: Request) -> Response:
    """GET: whose session the cookie is. 401 for none, 503 where that cannot be known now."""
    found: OpenSession | Transient | None = request.scope.get(SESSION_FOUND)
    if isinstance(found, Transient):
        raise found
    if found is None:
        raise NotSignedIn("nobody is signed in here")
    who = found.who
    told = {"subject": who.subject, "name": who.name, "roles": sorted(who.roles), "facilities": sorted(who.facilities)}
    return JSON({**told, "seconds": found.seconds})


async def _begun(request: Request) -> Response:
    """POST with a bearer token of the development issuer: 201 and the cookie's value of a new session."""
    header = request.headers.get("authorization")
    who, tokens = caller_by(request, header), request.app.state.tokens
    if not tokens.development:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "people sign in at the issuer; a token is for programs")
    token, before = (header or "").partition(" ")[2], request.cookies.get(COOKIE)
    kept: Sessions = request.app.state.sessions
    return JSON({"session": await kept.of_token(token, who, tokens.ends(header), before)}, status_code=201)


async def _ended(request: Request) -> Response:
    """DELETE: end the cookie's session. `sign_out`: where its person signs out at the issuer too, or null."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "another site's page can't sign anybody out")
    cookie, kept = request.cookies.get(COOKIE), request.app.state.sessions
    return JSON({"sign_out": await kept.end(cookie) if cookie else None})
