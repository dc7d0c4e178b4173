"""HTML pages for people: templates, assets, sign-in and sign-out, and errors in words; no service's own page."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from shared.events.levels import WORDS
from shared.web import sessions, wording, words
from shared.web.app import Problem
from shared.web.auth import NotSignedIn

ASSETS = Path(__file__).resolve().parent / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
NOTICE = "stepdown_notice"
"""The cookie with the code of what was done, which the next page shows once."""
RAILS = ("placement", "aftercare")
"""The services whose pages have lists, in the order in which the rail shows them behind one host."""
Page = Callable[[Request], Awaitable[Response]]


class Notice(NamedTuple):
    """A sentence on top of a page: what was done (`good`), or why it was not; `status`: the page's HTTP status."""

    text: str
    good: bool = False
    status: int = 200


class Asset(NamedTuple):
    """A file that pages load, also as gzip. Its address contains a digest of its body, so that browsers may cache it
    for ever."""

    body: bytes
    packed: bytes
    media_type: str
    address: str


SHORT = {**WORDS, "php": "PHP", "iop": "IOP"}
"""Levels of care as a table names them."""


@cache
def _templates() -> Environment:
    """The templates, each compiled once in a process."""
    loader = FileSystemLoader(ASSETS)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"asset": lambda name: _FILES[name].address, "say": words.say, "say_count": words.say_count}
    made.globals |= {"language": words.language, "rails": RAILS, "level_words": WORDS, "level_short": SHORT}
    made.globals["words_of_names"] = _words_of_names
    made.filters |= {"spoken": wording.spoken, "tail": wording.tail, "asked": _asked}
    return made


def _words_of_names() -> str:
    """The texts of names.js as JSON; `why_` and a status: why intake told no names (0: it did not answer)."""
    return json.dumps(
        {
            "year": words.say("{count} year"),
            "years": words.say("{count} years"),
            "unsafe": words.say("not safe to contact"),
            "unsafe_by": words.say("not safe: {ways}"),
            "none": words.say("Names not loaded: {why}. Rows have the end of the patient's number."),
            "again": words.say("Load names again"),
            "why": words.say("intake could not tell them"),
            "why_0": words.say("intake does not answer"),
            "why_401": words.say("you are not signed in any more"),
            "why_403": words.say("your role does not see them"),
            "why_429": words.say("they were asked for too often"),
        }
    )


@dataclass(frozen=True)
class Pages:
    """The frame of one service's pages: their title, the origin at which browsers reach intake for patients' names
    (None: nowhere), and the `service`, which is where its addresses begin behind one host.

    `done`: code → the sentence shown after an act; a code that is not here, which a browser could have made up, shows
    nothing.
    """

    title: str
    intake: str | None = None
    done: Mapping[str, str] = field(default_factory=dict)
    service: str = ""

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A template as an answer, with a content security policy that lets it load files from this service only and
        send requests to this service and intake."""
        own = {"title": self.title, "intake": self.intake or "", "base": base_of(request), "service": self.service}
        given = {**own, "form_token": sessions.form_token(request), "who": None, "here": "", **values}
        given.setdefault("notice", self._noticed(request))
        text = _templates().get_template(template).render(given)
        answer = Response(text, status, self._headers(), "text/html")
        if request.cookies.get(NOTICE):
            answer.delete_cookie(NOTICE, path="/", httponly=True, samesite="strict")
        return answer

    def go(self, to: str, code: str) -> Response:
        """Redirect to a page after an act (303, RFC 9110 15.4.4); that page shows the sentence of `code` once, if it is
        opened within 30 seconds."""
        answer = RedirectResponse(to, HTTPStatus.SEE_OTHER, self._headers())
        answer.set_cookie(NOTICE, code, max_age=30, path="/", httponly=True, samesite="strict")
        return answer

    def to(self, to: str) -> Response:
        """Redirect to a page that shows no sentence."""
        return RedirectResponse(to, HTTPStatus.SEE_OTHER, self._headers())

    def page(self, shown: Page) -> Page:
        """The endpoint with its errors as pages: who is not signed in is redirected to the sign-in page by a GET, and
        told so by a POST; a refusal or problem is a page with a sentence."""

        async def page(request: Request) -> Response:
            try:
                return await shown(request)
            except NotSignedIn:
                if request.method == "GET":
                    return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER, self._headers())
                said = Notice("you are not signed in any more: sign in and repeat what you did", status=401)
            except (Problem, Rejected, InvalidMessage, Transient) as fault:
                said = notice_of(fault)
            return self._sorry(request, said)

        return page

    def part(self, shown: Page) -> Page:
        """The endpoint of a part of other pages: who may not see it gets an empty answer (204)."""

        async def part(request: Request) -> Response:
            try:
                return await shown(request)
            except (NotSignedIn, Problem) as no:
                if isinstance(no, Problem) and no.status is not HTTPStatus.FORBIDDEN:
                    raise
                return Response(status_code=HTTPStatus.NO_CONTENT, headers=self._headers())

        return part

    def wrong(self, request: Request, status: HTTPStatus, text: str) -> Response:
        """A page with a sentence for an address that is unknown, or that only forms are sent to."""
        return self._sorry(request, Notice(text, status=status))

    def _sorry(self, request: Request, said: Notice) -> Response:
        """The page of an error: a heading by its status, the sentence, and what can be done."""
        heading = words.say(_HEADINGS.get(said.status, "This did not work"))
        return self.render(request, "problem.html", said.status, notice=said, code=said.status, heading=heading)

    def routes(self) -> list[BaseRoute]:
        """The routes of sign-in, sign-out and assets."""
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
        """The security headers of a page. The referrer policy is `same-origin`: under `no-referrer` browsers send
        `Origin: null` with our own forms."""
        calls = " ".join(["connect-src 'self'", *([_origin(self.intake)] if self.intake else [])])
        own = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'"
        rest = "base-uri 'none'; frame-ancestors 'none'"
        return {"content-security-policy": f"{own}; {calls}; {rest}", "referrer-policy": "same-origin"}


_HEADINGS = {
    401: "You are not signed in",
    403: "This page is not for your role",
    404: "There is nothing here that you may see",
    405: "There is no page at this address",
    409: "Not possible now",
    422: "This address is none of ours",
    503: "Just now this does not work",
}
"""HTTP status → the heading of its page."""


def base_of(request: Request) -> str:
    """Where the addresses of this service begin: empty, or its prefix behind one host, as `/placement`."""
    return str(request.scope.get("root_path", ""))


def notice_of(fault: StepdownError) -> Notice:
    """An error in words, with the HTTP status that the API would answer."""
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
    """Parameters as the part of an address after `?`; empty ones are left out."""
    return urlencode({name: value for name, value in query.items() if value})


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _read(path: Path) -> Asset:
    return _as_asset(path.name, path.read_bytes())


def _as_asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha256(body).hexdigest()[:12]
    packed = gzip.compress(body, 9, mtime=0)
    return Asset(body, packed, _TYPES[Path(name).suffix], f"/assets/{name}?v={digest}")


def _joined(name: str, parts: Sequence[str]) -> Asset:
    """Several files as one, so that a page loads one."""
    return _as_asset(name, b"\n".join((ASSETS / part).read_bytes() for part in parts))


BUNDLES = {"all.js": ("htmx.min.js", "desk.js", "names.js")}
"""Name → the files that are served as one."""
_FILES = {path.name: _read(path) for path in sorted(ASSETS.iterdir()) if path.suffix in _TYPES}
_FILES |= {name: _joined(name, parts) for name, parts in BUNDLES.items()}


async def _asset(request: Request) -> Response:
    found = _FILES.get(request.path_params["name"])
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such file")
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**_FOR_EVER, "content-encoding": "gzip"}, media_type=found.media_type)
    return Response(found.body, headers=_FOR_EVER, media_type=found.media_type)
