"""HTML pages for people: templates, assets, sign-in and sign-out, and errors in words; no service's own page."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from shared.errors import InvalidMessage, Rejected, StepdownError, Transient
from shared.events.levels import SHORT, WORDS
from shared.web import desks, sessions, speaking, wording, words
from shared.web.app import RETRY_AFTER, UNFIT, Problem
from shared.web.auth import Caller, NotSignedIn
from shared.web.prefix import base
from shared.web.sign_in import SignInPages

ASSETS = Path(__file__).resolve().parent / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
NOTICE = "stepdown_notice"
"""The cookie with the code of what was done, which the next page shows once."""
DONE_ELSEWHERE = "done-elsewhere"
"""The code of an act of one service that leads to a page of another one, which knows no words for it."""
LEAST_PACKED, PACKED = 1000, 5
"""A page of fewer bytes goes as it is; how hard gzip tries (1 to 9) with others."""
_UNDO = re.compile(r"/[a-z]+/[\w%-]{1,120}\?open=[0-9a-f]{10}", re.ASCII)
"""A page of the own service with a form open: all that the cookie may lead to."""
Page = Callable[[Request], Awaitable[Response]]


class Failed(NamedTuple):
    """What could not be done of many: the patient, or the name, of the row, and why in a sentence."""

    patient_id: str
    name: str
    why: str


class Notice(NamedTuple):
    """A sentence on top of a page: what was done (`good`), or why it was not; `status`: the page's HTTP status;
    `undo`: the address where it can be taken back; `failed`: of many, those with which it was not
    done."""

    text: str
    good: bool = False
    status: int = 200
    undo: str = ""
    failed: Sequence[Failed] = ()


class Asset(NamedTuple):
    """A file that pages load, also as gzip. Its address contains a digest of its body, so that browsers may cache it
    for ever."""

    body: bytes
    packed: bytes
    media_type: str
    address: str


@cache
def _templates() -> Environment:
    """The templates, each compiled once in a process."""
    loader = FileSystemLoader(ASSETS)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"say": words.say, "say_count": words.say_count}
    made.globals |= {"languages": words.NAMES}
    made.globals |= {"language": words.language, "level_words": WORDS, "level_short": SHORT}
    made.globals["words_of_names"] = _words_of_names
    made.filters |= {"spoken": wording.spoken, "tail": wording.tail, "asked": _asked}
    made.filters |= {"day_words": wording.day, "as_of_words": _as_of}
    return made


def _words_of_names() -> str:
    """The texts of names.js as JSON; `why_` and a status: why intake told no names (0: it did not answer)."""
    return json.dumps(
        {
            "year": words.say_count("{count} year", "{count} years", 1).replace("1", "{count}"),
            "years": words.say_count("{count} year", "{count} years", 2).replace("2", "{count}"),
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
    """The frame of one service's pages: their title, and the `service`, which is where its addresses begin behind one
    host.

    `done`: code → the sentence shown after an act; a code that is not here, which a browser could have made up, shows
    nothing.
    """

    title: str
    done: Mapping[str, str] = field(default_factory=dict)
    service: str = ""

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A template as an answer, with a content security policy that lets it load files from this host only and send
        requests to it only.

        Every template has `base`, with which every address of this service begins (prefix.py), and `asset(name)`, the
        whole address of a file."""
        own = {"title": self.title, "service": self.service}
        begin = base(request)
        addresses = {"base": begin, "asset": lambda name: begin + _FILES[name].address}
        given = {**own, **addresses, "form_token": sessions.form_token(request), "who": None, "here": "", **values}
        given.setdefault("notice", self._noticed(request))
        given |= self._beside(begin, given["who"], _reader(request))
        text = _templates().get_template(template).render(given)
        answer = packed(request, Response(text, status, self.headers(), "text/html"))
        if request.cookies.get(NOTICE):
            answer.delete_cookie(NOTICE, path="/", httponly=True, samesite="strict")
        return answer

    def _beside(self, begin: str, who: Caller | None, reader: Caller | None) -> dict[str, Any]:
        """What the page asks of the services beside it, for whom it is made (of a part of one: for its `reader`): the
        `rails` of lists, `streams` of changes, whether intake tells names (`named`), whether patients are found
        (`finds`), and where the page of one is (`patient_at`)."""
        open_to = desks.desks_of(who)
        streams = [f"{begin}/live"] if self.service in open_to or not self.service else []
        if begin:
            streams += [f"/{each}/live" for each in open_to if each not in {self.service, "intake"}]
        near = bool(begin) or self.service == "intake"
        return {
            "rails": open_to if begin else [self.service],
            "streams": " ".join(streams),
            "named": bool(begin) and desks.opens(who, desks.NAMED),
            "finds": near and desks.opens(who, desks.FINDS),
            "patient_at": partial(desks.patient_page, who or reader),
        }

    def told(self, request: Request, template: str, text: str, status: int, **values: Any) -> Response:
        """A template as an answer, with what is wrong on top; for an empty text nothing is."""
        notice = Notice(text, status=status) if text else None
        return self.render(request, template, status, notice=notice, **values)

    def go(self, request: Request, to: str, code: str) -> Response:
        """Redirect to a page of this service after an act (303, RFC 9110 15.4.4); that page shows the sentence of
        `code` once, if it is opened within 30 seconds. `to`: its path without the prefix."""
        return self.lead(base(request) + to, code)

    def to(self, request: Request, to: str) -> Response:
        """The same to a page that shows no sentence."""
        return self.lead(base(request) + to)

    def lead(self, address: str, code: str = "", undo: str = "") -> Response:
        """Redirect (303) to a whole address of this host, where the sentence of `code` is shown once, if there is one,
        with a link to the path `undo` of this service (without the prefix), where that can be taken back."""
        answer = RedirectResponse(address, HTTPStatus.SEE_OTHER, self.headers())
        if code:
            value = f"{code}.{quote(undo, safe='')}" if _UNDO.fullmatch(undo) else code
            answer.set_cookie(NOTICE, value, max_age=30, path="/", httponly=True, samesite="strict")
        return answer

    def page(self, shown: Page) -> Page:
        """The endpoint with its errors as pages: who is not signed in is redirected to the sign-in page by a GET, and
        told so by a POST; a refusal or problem is a page with a sentence."""

        async def page(request: Request) -> Response:
            try:
                return await shown(request)
            except (NotSignedIn, Problem, Rejected, InvalidMessage, Transient) as fault:
                return self.failed(request, fault)

        return page

    def part(self, shown: Page) -> Page:
        """The endpoint of a part of other pages: who may not see it gets an empty answer (204)."""

        async def part(request: Request) -> Response:
            try:
                return await shown(request)
            except (NotSignedIn, Problem) as no:
                if isinstance(no, Problem) and no.status is not HTTPStatus.FORBIDDEN:
                    raise
                return Response(status_code=HTTPStatus.NO_CONTENT, headers=self.headers())

        return part

    def failed(self, request: Request, fault: Exception, reference: str = "") -> Response:
        """The page for what a request ended with: for who is not signed in the sign-in page after a GET; of what nobody
        foresaw with the `reference` that the log has."""
        if isinstance(fault, NotSignedIn):
            if request.method == "GET":
                return RedirectResponse(self._sign_in_for(request), HTTPStatus.SEE_OTHER, self.headers())
            said = Notice(words.say("You are not signed in any more: sign in, and do it again."), status=401)
        elif isinstance(fault, ValidationError):
            said = _of_address(request, notice_of(UNFIT))
        elif isinstance(fault, StepdownError) and not reference:
            said = _of_address(request, notice_of(fault))
        else:
            said = Notice(words.say("Something failed here that nobody foresaw."), status=500)
        answer = self._sorry(request, said, reference)
        if (after := _retry_after(fault)) is not None:
            answer.headers["retry-after"] = str(after)
        return answer

    def wrong(self, request: Request, status: HTTPStatus, text: str) -> Response:
        """A page with a sentence for an address that is unknown, or that only forms are sent to."""
        return self._sorry(request, Notice(words.say(text), status=status))

    def _sorry(self, request: Request, said: Notice, reference: str = "") -> Response:
        """The page of an error: a heading by its status, the sentence, and what can be done."""
        heading = words.say(_HEADINGS.get(said.status, "This did not work"))
        told = {"notice": said, "code": said.status, "heading": heading, "reference": reference}
        return self.render(request, "problem.html", said.status, who=_reader(request), **told)

    def routes(self) -> list[BaseRoute]:
        """The routes of sign-in, sign-out and assets."""
        language = Route("/sign-in/language", self._choose_language, methods=["GET"])
        return [*SignInPages(self).routes(), language, Route("/assets/{name}", _asset)]

    async def _choose_language(self, request: Request) -> Response:
        return speaking.choose(request, self.headers())

    def _sign_in_for(self, request: Request) -> str:
        """Where to sign in, and then come back to this page; the first page needs no telling. What was asked of intake
        may be about a person, and is not repeated in an address."""
        query = "" if self.service == "intake" else request.url.query
        then = base(request) + request.scope["path"] + (f"?{query}" if query else "")
        return "/sign-in" if then == "/" else f"/sign-in?{urlencode({'then': then})}"

    def _noticed(self, request: Request) -> Notice | None:
        code, _, undo = request.cookies.get(NOTICE, "").partition(".")
        path, text = unquote(undo), words.say("it is recorded") if code == DONE_ELSEWHERE else self.done.get(code)
        back = base(request) + path if _UNDO.fullmatch(path) else ""
        return Notice(words.say(text), good=True, undo=back) if text else None

    def headers(self) -> dict[str, str]:
        """The security headers of a page. The referrer policy is `same-origin`: under `no-referrer` browsers send
        `Origin: null` with our own forms."""
        own = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'"
        rest = "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        return {"content-security-policy": f"{own}; {rest}", "referrer-policy": "same-origin"}


def _reader(request: Request) -> Caller | None:
    """Who is signed in; None for nobody, and where that cannot be known now."""
    try:
        return sessions.page_caller(request)
    except (NotSignedIn, Problem, Transient):
        return None


_HEADINGS = {
    401: "You are not signed in",
    403: "This page is not for your role",
    404: "There is nothing here that you may see",
    405: "There is no page at this address",
    409: "Not possible now",
    413: "That was too much at once",
    422: "This address is none of ours",
    429: "That was too often",
    500: "Something failed here",
    503: "Just now this does not work",
}
"""HTTP status → the heading of its page."""


def notice_of(fault: StepdownError) -> Notice:
    """An error in the reader's words, with the HTTP status that the API would answer."""
    if isinstance(fault, Problem):
        return Notice(_told_of(fault), status=int(fault.status))
    if isinstance(fault, Rejected):
        text, able = wording.plainly(fault.text), [wording.spoken(each) for each in fault.possible]
        more = ", ".join(each for each in able if each not in text)
        told = words.say("Not possible now: {why}.", why=text)
        possible = f" {words.say('Possible now: {what}.', what=more)}" if more else ""
        return Notice(told + possible, status=HTTPStatus.CONFLICT)
    if isinstance(fault, Transient):
        return Notice(_told_away(fault), status=HTTPStatus.SERVICE_UNAVAILABLE)
    return Notice(wording.plainly(str(fault)), status=HTTPStatus.BAD_REQUEST)


def _of_address(request: Request, said: Notice) -> Notice:
    """What is wrong with an address for people: they did not write it, and its parameters have names for programs; and
    what is too long, which is told to programs in bytes."""
    if said.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return said._replace(text=words.say("What you sent is longer than this page takes. Nothing was recorded."))
    if request.method != "GET" or said.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return said
    text = words.say("This link asks for something that the page does not have, or has no more. Begin from the lists.")
    return said._replace(text=text)


def _retry_after(fault: Exception) -> int | None:
    """After how many seconds it may be tried again; None where nothing is known of that."""
    if isinstance(fault, Transient):
        return RETRY_AFTER
    return fault.more.get("retry_after") if isinstance(fault, Problem) else None


def _told_away(fault: Transient) -> str:
    """What is away just now, in the language of the code; else that something is."""
    if words.language() == words.LANGUAGES[0]:
        return f"{fault}: try again in a moment"
    return words.say("Just now this does not work. Nothing was changed: try again in a moment.")


def _told_of(fault: Problem) -> str:
    """A problem's sentence with the fields that it is about."""
    fields = [wording.spoken(str(each.get("field"))) for each in fault.more.get("fields", ())]
    text = wording.plainly(fault.text)
    return f"{text}: {', '.join(fields)}" if fields else text


def packed(request: Request, answer: Response) -> Response:
    """A page as gzip for a browser that takes it, where that is shorter. A page's form token is another one in every
    answer (sessions.py), so that its compressed size tells nothing of it."""
    answer.headers["vary"] = "accept-encoding"
    if "gzip" in request.headers.get("accept-encoding", "") and len(answer.body) > LEAST_PACKED:
        answer.body = gzip.compress(answer.body, PACKED, mtime=0)
        answer.headers["content-encoding"] = "gzip"
        answer.headers["content-length"] = str(len(answer.body))
    return answer


def _asked(query: Mapping[str, str]) -> str:
    """Parameters as the part of an address after `?`; empty ones are left out."""
    return urlencode({name: value for name, value in query.items() if value})


def _as_of(value: date | datetime, zone: tzinfo) -> str:
    """A day or an instant in words."""
    return wording.moment(value, zone) if isinstance(value, datetime) else wording.day(value)


def _read(path: Path) -> Asset:
    return _as_asset(path.name, path.read_bytes())


def _as_asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha256(body).hexdigest()[:12]
    packed = gzip.compress(body, 9, mtime=0)
    return Asset(body, packed, _TYPES[Path(name).suffix], f"/assets/{name}?v={digest}")


def _joined(name: str, parts: Sequence[str]) -> Asset:
    """Several files as one, so that a page loads one."""
    return _as_asset(name, b"\n".join((ASSETS / part).read_bytes() for part in parts))


BUNDLES = {
    "all.js": ("htmx.min.js", "desk.js", "names.js", "live.js", "find.js"),
    "all.css": ("desk.css", "find.css", "console.css"),
}
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
