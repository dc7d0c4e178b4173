"""Pages for people: templates, their few assets, sign-in and sign-out, and what went wrong said in words; no service's
own page, and no rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from shared.errors import InvalidMessage, Rejected, StepdownError, Transient
from shared.web import sessions, wording
from shared.web.app import Problem
from shared.web.auth import NotSignedIn

ASSETS = Path(__file__).resolve().parent / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
NOTICE = "stepdown_notice"
Page = Callable[[Request], Awaitable[Response]]


class Notice(NamedTuple):
    """A sentence on top of a page: what was done (`good`), or why it was not."""

    text: str
    good: bool = False
    status: int = 200


class Asset(NamedTuple):
    """A file that pages use; its address holds its digest, so that it may be kept for ever."""

    body: bytes
    media_type: str
    address: str


@cache
def _templates() -> Environment:
    """The templates, each compiled once in a process."""
    loader = FileSystemLoader(ASSETS)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"asset": lambda name: _FILES[name].address}
    made.filters |= {"spoken": wording.spoken, "tail": wording.tail, "asked": _asked}
    return made


@dataclass(frozen=True)
class Pages:
    """One service's pages: their title, and where browsers reach intake (None: away).

    `done`: code → sentence of what may be said after an act; a browser's own text is never shown.
    """

    title: str
    intake: str | None = None
    done: Mapping[str, str] = field(default_factory=dict)

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page, with the headers that let it load and call nothing but what is ours."""
        own = {"title": self.title, "intake": self.intake or ""}
        given = {**own, "form_token": sessions.form_token(request), "who": None, "here": "", **values}
        given.setdefault("notice", self._noticed(request))
        text = _templates().get_template(template).render(given)
        answer = Response(text, status, self._headers(), "text/html")
        if request.cookies.get(NOTICE):
            answer.delete_cookie(NOTICE, path="/", httponly=True, samesite="strict")
        return answer

    def go(self, to: str, code: str) -> Response:
        """Back to a page after an act (RFC 9110 15.4.4), which says there once what was done."""
        answer = RedirectResponse(to, HTTPStatus.SEE_OTHER, self._headers())
        answer.set_cookie(NOTICE, code, max_age=30, path="/", httponly=True, samesite="strict")
        return answer

    def to(self, to: str) -> Response:
        """To a page, of which nothing is said."""
        return RedirectResponse(to, HTTPStatus.SEE_OTHER, self._headers())

    def page(self, shown: Page) -> Page:
        """The page, and where it can't be shown: the way to sign in, or what is the matter in words."""

        async def page(request: Request) -> Response:
            try:
                return await shown(request)
            except NotSignedIn:
                if request.method == "GET":
                    return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER, self._headers())
                said = Notice("you are not signed in any more: sign in and repeat what you did", status=401)
            except (Problem, Rejected, InvalidMessage, Transient) as fault:
                said = said_of(fault)
            return self.render(request, "problem.html", said.status, notice=said)

        return page

    def wrong(self, request: Request, status: HTTPStatus, text: str) -> Response:
        """A page for an address that is none, or that only takes forms."""
        return self.render(request, "problem.html", status, notice=Notice(text))

    def routes(self) -> list[BaseRoute]:
        """Sign-in, sign-out and assets."""
        return [
            Route("/sign-in", self.page(self._ask), methods=["GET"]),
            Route("/sign-in", self.page(self._sign_in), methods=["POST"]),
            Route("/sign-out", self.page(self._sign_out), methods=["POST"]),
            Route("/assets/{name}", _asset),
        ]

    async def _ask(self, request: Request, said: Notice | None = None) -> Response:
        seed = sessions.before_session(request)
        given = {"form_token": sessions.token_of(seed), "notice": said}
        answer = self.render(request, "sign-in.html", said.status if said else 200, **given)
        sessions.plant(request, answer, seed)
        return answer

    async def _sign_in(self, request: Request) -> Response:
        fields = await sessions.form(request, sessions.BEFORE)
        token = "".join(fields.get("token", "").split()).removeprefix("Bearer")
        if len(token) > sessions.LONGEST:
            return await self._ask(request, Notice("the token is too long for a browser's cookie", status=422))
        try:
            await sessions.check(request, token)
        except NotSignedIn as no:
            return await self._ask(request, Notice(str(no), status=401))
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER, self._headers())
        sessions.keep(request, answer, token)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        await sessions.form(request)
        answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER, self._headers())
        sessions.forget(request, answer)
        return answer

    def _noticed(self, request: Request) -> Notice | None:
        text = self.done.get(request.cookies.get(NOTICE, ""))
        return Notice(text, good=True) if text else None

    def _headers(self) -> dict[str, str]:
        """`same-origin`: else browsers tell no origin with our own forms."""
        calls = " ".join(["connect-src 'self'", *([_origin(self.intake)] if self.intake else [])])
        own = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'"
        rest = "base-uri 'none'; frame-ancestors 'none'"
        return {"content-security-policy": f"{own}; {calls}; {rest}", "referrer-policy": "same-origin"}


def said_of(fault: StepdownError) -> Notice:
    """What is the matter, in words, with the status that the API would give."""
    if isinstance(fault, Problem):
        fields = [wording.spoken(str(each.get("field"))) for each in fault.more.get("fields", ())]
        return Notice(f"{fault.text}: {', '.join(fields)}" if fields else fault.text, status=int(fault.status))
    if isinstance(fault, Rejected):
        able = [wording.spoken(each) for each in fault.possible if wording.spoken(each) not in fault.text]
        more = f" Possible now: {', '.join(able)}." if able else ""
        return Notice(f"Not possible now: {fault.text}.{more}", status=HTTPStatus.CONFLICT)
    if isinstance(fault, Transient):
        return Notice(f"{fault}: try again in a moment", status=HTTPStatus.SERVICE_UNAVAILABLE)
    return Notice(str(fault), status=HTTPStatus.BAD_REQUEST)


def _asked(query: Mapping[str, str]) -> str:
    """The part of an address behind `?`; what is empty is left out."""
    return urlencode({name: value for name, value in query.items() if value})


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Asset(body, _TYPES[path.suffix], f"/assets/{path.name}?v={digest}")


_FILES = {path.name: _read(path) for path in sorted(ASSETS.iterdir()) if path.suffix in _TYPES}


async def _asset(request: Request) -> Response:
    found = _FILES.get(request.path_params["name"])
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such file")
    return Response(found.body, headers=_FOR_EVER, media_type=found.media_type)
