"""The web application that every service has: health, metrics, errors as problem+json (RFC 9457), who is asking."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from shared.errors import InvalidMessage, Rejected, StepdownError, Transient
from shared.fhir.outcomes import MEDIA, refusal
from shared.web import tracing
from shared.web.auth import Caller, NotSignedIn, Tokens
from shared.web.each_request import CALLER, FAULT, EachRequest, method_of, route_of
from shared.web.kept_sessions import BY_ITSELF, OpenSession, Sessions
from shared.web.prefix import Prefix
from shared.web.retired import RetiredFacilities
from shared.web.secure_headers import SecureHeaders
from shared.web.speaking import Speaks

log = logging.getLogger(__name__)
Check = Callable[[], Awaitable[dict[str, str]]]
"""Returns part of the service → what is the matter with it; an empty dict when all is well."""


class ErrorPages(Protocol):
    """What a browser is shown instead of an error for programs."""

    def wrong(self, request: Request, status: HTTPStatus, text: str) -> Response:
        """The page for an address that is unknown (404) or does not take this method (405), with a sentence."""
        ...

    def failed(self, request: Request, fault: Exception, reference: str = "") -> Response:
        """The page for what a request ended with; of what nobody foresaw with the `reference` that the log has."""
        ...


RETRY_AFTER = 2
"""Seconds after which to try again what just now did not work."""


class Problem(StepdownError):
    """Raised to answer with problem+json: HTTP status, a stable code, a sentence, more fields. It repeats no value that
    was sent."""

    def __init__(self, status: HTTPStatus, code: str, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.more = status, code, text, more


UNFIT = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", "some fields are not as they must be")


class JSON(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as JSON bytes; times as RFC 3339."""
        return orjson.dumps(content)


async def _nothing() -> dict[str, str]:
    return {}


def web_app(
    *,
    title: str,
    tokens: Tokens | None,
    ready: Check,
    routes: Sequence[BaseRoute],
    live: Check = _nothing,
    pages: ErrorPages | None = None,
    logged: bool = True,
    retired: RetiredFacilities | None = None,
    sessions: Sessions | None = None,
) -> Starlette:
    """A service's web application: its own routes, and /health/live, /health/ready and /metrics. It answers below the
    prefix `/<title>` too (prefix.py), but for those three.

    `tokens` None: nobody can sign in. `ready` names what the service waits for, `live` the parts that are stuck so that
    only a restart helps; either makes its health answer 503. `pages`: see ErrorPages; None: problem+json. `logged`:
    whether each request is a log line (each_request.py). `retired`: the facilities that left, which callers do not see
    any more. `sessions`: where the sessions of people are (kept_sessions.py); None: in their cookies, with development
    tokens alone.
    """

    app = Starlette(
        routes=[*_of_machines(title, ready, live), *routes],
        exception_handlers={HTTPException: _http, **dict.fromkeys(_ANSWERS, _answered)},
    )
    app.state.tokens, app.state.pages, app.state.retired, app.state.sessions = tokens, pages, retired, sessions
    if tokens is not None:
        app.add_middleware(_FetchKeys, tokens=tokens)
    if sessions is not None:
        app.add_middleware(_KnowSession, sessions=sessions)
    if retired is not None:
        app.add_middleware(_KnowRetired, retired=retired)
    app.add_middleware(_AnswerFaults)
    app.add_middleware(SecureHeaders)
    app.add_middleware(Speaks)
    app.add_middleware(EachRequest, service=title, logged=logged)
    app.add_middleware(Prefix, prefix=f"/{title}")
    return app


def _of_machines(title: str, ready: Check, live: Check) -> Sequence[BaseRoute]:
    """The routes of health and metrics, which machines of the same network ask for."""

    async def liveness(_: Request) -> Response:
        stuck = await live()
        status = HTTPStatus.SERVICE_UNAVAILABLE if stuck else HTTPStatus.OK
        told = {"stuck": stuck} if stuck else {}
        return JSON({"service": title, "live": not stuck, **told}, status_code=status)

    async def readiness(_: Request) -> Response:
        missing = await ready()
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        return JSON({"service": title, "ready": not missing, "waiting_for": missing}, status_code=status)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health/live", liveness), Route("/health/ready", readiness), Route("/metrics", metrics)]


def caller(request: Request, *roles: str) -> Caller:
    """Who asks: by the Authorization header, or by the session's cookie for a GET without that header from our own
    pages, which browsers mark (Sec-Fetch-Site). Raises NotSignedIn (401), or a 403 Problem for a caller who has none of
    these roles and is not admin."""
    header = request.headers.get("authorization")
    own_page = request.method == "GET" and request.headers.get("sec-fetch-site") == "same-origin"
    return by_cookie(request, *roles) if own_page and header is None else caller_by(request, header, *roles)


def caller_by(request: Request, header: str | None, *roles: str) -> Caller:
    """The same for the text of an Authorization header."""
    tokens: Tokens | None = request.app.state.tokens
    if tokens is None:
        raise NotSignedIn("no token issuer is configured")
    return _within_roles(request, tokens.caller(header), roles)


def by_cookie(request: Request, *roles: str) -> Caller:
    """The same by the session's cookie alone. Raises Transient where it cannot be known now whose it is."""
    cookie, tokens = request.cookies.get(COOKIE), request.app.state.tokens
    if request.app.state.sessions is None:
        if tokens is not None and not tokens.development:
            raise NotSignedIn("sign in first")
        return caller_by(request, f"Bearer {cookie}" if cookie else None, *roles)
    found: OpenSession | Transient | None = request.scope.get(SESSION_FOUND)
    if isinstance(found, Transient):
        raise found
    if found is None:
        raise NotSignedIn("sign in first")
    return _within_roles(request, found.who, roles)


def _within_roles(request: Request, asking: Caller, roles: tuple[str, ...]) -> Caller:
    request.scope[CALLER] = asking
    if request.app.state.retired is not None:
        asking = request.app.state.retired.without(asking)
    if roles and not asking.roles & {*roles, "admin"}:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this needs one of the roles {', '.join(roles)}")
    return asking


def problem(status: HTTPStatus, code: str, text: str, **more: Any) -> Response:
    """A problem+json answer (RFC 9457)."""
    body = {
        "type": f"urn:stepdown:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": text,
        **more,
    }
    headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


async def _answered(request: Request, fault: Exception) -> Response:
    """The answer to a request that ended with this: a page where a browser asks for one, else problem+json. What is
    none of the faults below is logged; the answer has the reference by which the log's line is found."""
    known = next((answer for kind, answer in _ANSWERS.items() if isinstance(fault, kind)), None)
    reference = "" if known is not None else _logged(request, fault)
    pages: ErrorPages | None = request.app.state.pages
    if pages is not None and _is_for_a_page(request):
        try:
            return pages.failed(request, fault, reference)
        except Exception as again:  # noqa: BLE001 - what draws pages may be what failed
            reference = _logged(request, again)
    if known is not None:
        return await known(request, fault)
    text = "something failed here; nothing was changed"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", text, reference=reference)


def _logged(request: Request, fault: Exception) -> str:
    """Log what nobody foresaw; the reference of the request's trace."""
    told = {"reference": tracing.reference(), "method": method_of(request.scope), "route": route_of(request.scope)}
    log.error("a request failed", exc_info=fault, extra=told)
    request.scope[FAULT] = fault
    return told["reference"]


_WRONG = {
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.METHOD_NOT_ALLOWED: "There is no page at this address, it only takes forms",
}


async def _http(request: Request, fault: Exception) -> Response:
    status = HTTPStatus(getattr(fault, "status_code", 500))
    answer: Response
    allowed = {"allow": _allowed(request)} if status is HTTPStatus.METHOD_NOT_ALLOWED else {}
    if allowed and request.method == "OPTIONS":
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=allowed)
    pages: ErrorPages | None = request.app.state.pages
    if request.url.path.startswith("/fhir"):
        answer = Response(refusal(status, status.description or status.phrase), status, media_type=MEDIA)
    elif pages is not None and status in _WRONG and _is_for_a_page(request):
        answer = pages.wrong(request, status, _WRONG[status])
    else:
        answer = problem(status, status.phrase.lower().replace(" ", "-"), status.description or status.phrase)
    answer.headers.update(allowed)
    return answer


def _allowed(request: Request) -> str:
    """The methods of every route at this address, for the Allow header (RFC 9110 15.5.6)."""
    there = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({"OPTIONS", *(method for one in there for method in getattr(one, "methods", None) or ())}))


def _is_for_a_page(request: Request) -> bool:
    """True where a browser asks for a page to show; addresses below /api are for programs."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/api/")


async def _problem_of(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)  # noqa: S101 - the handler table below
    answer = problem(fault.status, fault.code, fault.text, **fault.more)
    if "retry_after" in fault.more:
        answer.headers["retry-after"] = str(fault.more["retry_after"])
    return answer


async def _not_signed_in(_: Request, fault: Exception) -> Response:
    return problem(HTTPStatus.UNAUTHORIZED, "not-signed-in", str(fault))


async def _rejected(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Rejected)  # noqa: S101 - the handler table below
    state = {} if fault.state is None else {"state": fault.state}
    return problem(HTTPStatus.CONFLICT, fault.code, fault.text, possible=list(fault.possible), **state)


async def _invalid(_: Request, fault: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, "invalid", str(fault))


async def _transient(_: Request, fault: Exception) -> Response:
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "try-again", str(fault))
    answer.headers["retry-after"] = str(RETRY_AFTER)
    return answer


async def _unfit(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, ValidationError)  # noqa: S101 - the handler table below
    fields = [
        {"field": ".".join(str(part) for part in error["loc"]), "problem": error["type"]}
        for error in fault.errors(include_input=False, include_context=False, include_url=False)
    ]
    return problem(UNFIT.status, UNFIT.code, UNFIT.text, fields=fields)


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _problem_of,
    NotSignedIn: _not_signed_in,
    Rejected: _rejected,
    InvalidMessage: _invalid,
    Transient: _transient,
    ValidationError: _unfit,
}


COOKIE = "stepdown_session"
"""The cookie of somebody who signed in with a browser: a random number that stands for their session, or a development
token where this service keeps no sessions (sessions.py)."""
SESSION_FOUND = "stepdown.session"
"""Where a request's ASGI scope has the cookie's session (OpenSession), or the Transient for which it is not known."""


WITHOUT_TOKEN = ("/health/", "/metrics", "/assets/")
"""Where the addresses begin that everybody may read."""


class _FetchKeys:
    """Middleware: before a request is handled, fetch the issuer's keys that its tokens need. It waits here, where other
    requests do not wait for it. Health, metrics and assets need no token."""

    def __init__(self, app: Any, tokens: Tokens) -> None:
        self.app, self.tokens = app, tokens

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(WITHOUT_TOKEN):
            asking = Request(scope)
            scheme, _, token = asking.headers.get("authorization", "").partition(" ")
            await self.tokens.ready_for([token] if scheme.lower() == "bearer" and token else ())
        await self.app(scope, receive, send)


LIVE = "/live"
"""Where pages listen for as long as they are open."""


async def session_now(request: Request) -> None:
    """Look anew whose session the request's cookie is, for an answer that lasts."""
    kept: Sessions | None = request.app.state.sessions
    if kept is not None and (cookie := request.cookies.get(COOKIE)):
        try:
            request.scope[SESSION_FOUND] = await kept.of(cookie, used=False)
        except Transient as away:
            request.scope[SESSION_FOUND] = away


class _KnowSession:
    """Middleware: before a request is handled, look whose session its cookie is."""

    def __init__(self, app: Any, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and not scope["path"].startswith(WITHOUT_TOKEN)
        if asks and (cookie := Request(scope).cookies.get(COOKIE)):
            try:
                used = scope["path"] != LIVE and BY_ITSELF not in Request(scope).headers
                scope[SESSION_FOUND] = await self.sessions.of(cookie, used=used)
            except Transient as away:
                scope[SESSION_FOUND] = away
        await self.app(scope, receive, send)


class _KnowRetired:
    """Middleware: before a request is handled, read which facilities have left, where that is not known of late."""

    def __init__(self, app: Any, retired: RetiredFacilities) -> None:
        self.app, self.retired = app, retired

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(WITHOUT_TOKEN):
            await self.retired.up_to_date()
        await self.app(scope, receive, send)


class _AnswerFaults:
    """Middleware: answers what was raised before the answer had begun; after that the connection ends."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def noting(message: Any) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as fault:
            if begun or scope["type"] != "http":
                raise
            answer = await _answered(Request(scope, receive), fault)
            await answer(scope, receive, send)
