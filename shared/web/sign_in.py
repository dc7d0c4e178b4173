"""The pages by which people sign in and out: at an OpenID issuer (OpenID Connect Core 1.0, authorization code), or by
pasting a token of the development issuer, which exists on loopback only.

What has to come back from the issuer waits in a sealed cookie for ten minutes, so a sign-in that was only begun costs
nothing here. No page, log line or address of ours has a token; the issuer's own sign-out address has the ID token, as
OpenID Connect RP-Initiated Logout 1.0 asks.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from shared.storage.sealing import CannotOpen
from shared.web import requests, sessions
from shared.web.app import Problem
from shared.web.auth import NotSignedIn, Tokens
from shared.web.claims import person
from shared.web.kept_sessions import KeptSessions, Sessions
from shared.web.openid import Attempt, Issuer, begun
from shared.web.prefix import base
from shared.web.words import say

if TYPE_CHECKING:
    from shared.web.pages import Pages

ATTEMPT = "stepdown_sign_in_"
"""How the names of cookies begin that hold an attempt; then eight letters of its state: several tabs may sign in."""
ATTEMPT_SECONDS = 600
"""So long people have at the issuer."""
LONGEST_PATH = 2000
"""The most characters of the path that a sign-in leads to."""
OWN = frozenset({"/sign-in", "/signed-in", "/sign-out", "/session"})
"""Paths that no sign-in leads to."""


@dataclass(frozen=True)
class SignInPages:
    """The routes of sign-in and sign-out, drawn in the frame of one service's pages."""

    pages: Pages

    def routes(self) -> list[BaseRoute]:
        """/sign-in and /sign-out, which every service with pages has."""
        page = self.pages.page
        return [
            Route("/sign-in", page(self._ask), methods=["GET"]),
            Route("/sign-in", page(self._take_token), methods=["POST"]),
            Route("/sign-out", page(self._sign_out), methods=["POST"]),
        ]

    def ways_back(self) -> list[BaseRoute]:
        """Where the issuer leads people back to: only the service that keeps the sessions has it."""
        page = self.pages.page
        return [
            Route("/signed-in", page(self._come_back), methods=["GET"]),
            Route("/sign-out", page(self._signed_out), methods=["GET"]),
        ]

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, request: Request) -> Response:
        """To the issuer at once; where development tokens are taken, a page with both ways."""
        asked = requests.parameters(request, {"then", "at", "other"})
        then, kept, pasted = path_of(asked.get("then") or base(request) + "/"), _kept(request), _takes_tokens(request)
        if kept is not None and kept.issuer is not None and (asked.get("at") == "issuer" or not pasted):
            return await self._to_the_issuer(request, kept, then, other=bool(asked.get("other")))
        if pasted:
            return self._token_page(request, then)
        if kept is not None and kept.desk and kept.issuer is None and not isinstance(kept, KeptSessions):
            return RedirectResponse(f"{kept.desk}/sign-in?{urlencode({'then': then})}", 303, self.pages.headers())
        text = say(
            "Sign-in for people is not set up here: tell who runs Stepdown, who finds it in its operating guide."
        )
        return self._told(request, text, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _to_the_issuer(self, request: Request, kept: Sessions, then: str, *, other: bool) -> Response:
        assert isinstance(kept, KeptSessions)  # noqa: S101 - who has an issuer keeps the sessions
        assert kept.issuer is not None  # noqa: S101 - asked for by the caller
        attempt = begun(then)
        to = await kept.issuer.address(attempt, other=other)
        answer = RedirectResponse(to, HTTPStatus.SEE_OTHER, self.pages.headers())
        sealed = kept.seal.close(json.dumps(attempt).encode(), ATTEMPT)
        answer.set_cookie(
            _name(attempt.state), urlsafe_b64encode(sealed).decode(), max_age=ATTEMPT_SECONDS, path="/signed-in",
            secure=request.url.scheme == "https", httponly=True, samesite="lax",
        )  # fmt: skip
        return answer

    async def _come_back(self, request: Request) -> Response:
        """The issuer led somebody back, with a code or an error. A sign-in that was not begun in this browser is none
        (RFC 6749 10.12)."""
        kept = _kept(request)
        if not isinstance(kept, KeptSessions) or kept.issuer is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", say("There is no sign-in service here"))
        attempt = _attempt(request, kept)
        if attempt is None:
            text = say("This sign-in was not begun in this browser, or it took longer than ten minutes.")
            return self._told(request, text, HTTPStatus.BAD_REQUEST)
        try:
            answer = await self._signed_in(request, kept, kept.issuer, attempt)
        except NotSignedIn:
            text = say("The sign-in service did not sign you in.")
            answer = self._told(request, text, HTTPStatus.UNAUTHORIZED, attempt.then)
        answer.delete_cookie(_name(attempt.state), path="/signed-in", httponly=True, samesite="lax")
        return answer

    async def _signed_in(self, request: Request, kept: KeptSessions, issuer: Issuer, attempt: Attempt) -> Response:
        given = request.query_params
        if given.get("iss", issuer.name) != issuer.name or not given.get("code"):  # RFC 9207
            raise NotSignedIn("there is no code")
        granted = await issuer.exchange(given["code"], attempt)
        who = person(kept.site, granted.claims)
        if not who.roles:
            text = say("You have no role here yet. Ask who manages accounts at your organization to give you one.")
            return self._told(request, text, HTTPStatus.FORBIDDEN, attempt.then, other=True)
        cookie = await kept.of_grant(granted, who, request.cookies.get(sessions.SESSION))
        return self._go_on(request, cookie, attempt.then)

    async def _take_token(self, request: Request) -> Response:
        """A pasted token of the development issuer."""
        fields = await sessions.form(request, sessions.BEFORE)
        token, tokens = "".join(fields.get("token", "").split()).removeprefix("Bearer"), _tokens(request)
        then = path_of(fields.get("then", ""))
        if not _takes_tokens(request):
            raise Problem(
                HTTPStatus.FORBIDDEN, "forbidden", say("A token is for programs: sign in at the sign-in service")
            )
        if len(token) > sessions.LONGEST:
            return self._token_page(request, then, say("the token is too long for a browser's cookie"), 422)
        try:
            who = await sessions.check(request, token)
        except NotSignedIn as no:
            return self._token_page(request, then, str(no), 401)
        kept, before = _kept(request), request.cookies.get(sessions.SESSION)
        assert tokens is not None  # noqa: S101 - else `check` refuses every token
        ends = tokens.ends(f"Bearer {token}")
        cookie = token if kept is None else await kept.of_token(token, who, ends, before)
        return self._go_on(request, cookie, then)

    def _go_on(self, request: Request, cookie: str, then: str) -> Response:
        answer = RedirectResponse(then, HTTPStatus.SEE_OTHER, self.pages.headers())
        sessions.keep(request, answer, cookie)
        return answer

    def _token_page(self, request: Request, then: str, wrong: str = "", status: int = 200) -> Response:
        seed, kept = sessions.before_session(request), _kept(request)
        at_issuer = f"/sign-in?{urlencode({'at': 'issuer', 'then': then})}" if kept and kept.issuer else ""
        given = {"form_token": sessions.token_of(seed), "then": then, "at_issuer": at_issuer}
        answer = self.pages.told(request, "sign-in.html", wrong, status, **given)
        sessions.plant(request, answer, seed)
        return answer

    def _told(
        self, request: Request, text: str, status: HTTPStatus, then: str = "/", *, other: bool = False
    ) -> Response:
        again = {"then": then, "at": "issuer", **({"other": "1"} if other else {})}
        given = {"again": f"/sign-in?{urlencode(again)}", "other": other, "leave": ""}
        return self.pages.told(request, "signed-out.html", text, status, **given)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _sign_out(self, request: Request) -> Response:
        """End the session, here and at the issuer. The way there is a page that leads on, since `form-action` of the
        content security policy holds for where a form's answer redirects to, too."""
        await sessions.form(request)
        kept, cookie = _kept(request), request.cookies.get(sessions.SESSION, "")
        leave = await kept.end(cookie) if kept is not None else None
        if leave:
            given = {"again": "", "other": False, "leave": leave}
            answer = self.pages.told(request, "signed-out.html", "", 200, **given)
            answer.headers["refresh"] = f"0; url={leave}"
        else:
            answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER, self.pages.headers())
        sessions.forget(request, answer)
        return answer

    async def _signed_out(self, request: Request) -> Response:
        """Where the issuer leads people to who signed out."""
        given = {"again": "/sign-in?at=issuer", "other": False, "leave": ""}
        return self.pages.told(request, "signed-out.html", "", 200, **given)


def path_of(text: str) -> str:
    """The path of ours that a sign-in leads to; `/` for any other text, so that no link leads elsewhere through us."""
    plain = text.isascii() and text.isprintable() and "\\" not in text and len(text) <= LONGEST_PATH
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    return "/" if urlsplit(text).path in OWN else text


def _attempt(request: Request, kept: KeptSessions) -> Attempt | None:
    """The attempt that the state in the address belongs to, by its cookie; None for one that is not there, is too old,
    or was changed."""
    state = request.query_params.get("state", "")
    try:
        sealed = urlsafe_b64decode(request.cookies.get(_name(state), "").encode())
        found = Attempt(*json.loads(kept.seal.open(sealed, ATTEMPT)))
    except (CannotOpen, ValueError, TypeError, IndexError):
        return None
    fits = hmac.compare_digest(found.state.encode(), state.encode())
    return found if fits and time.time() - found.began <= ATTEMPT_SECONDS else None


def _name(state: str) -> str:
    return ATTEMPT + "".join(sign for sign in state[:8] if sign.isascii() and sign.isalnum())


def _kept(request: Request) -> Sessions | None:
    found: Sessions | None = request.app.state.sessions
    return found


def _takes_tokens(request: Request) -> bool:
    """Whether a token may be pasted: one of the development issuer. Where there is no issuer, the page says so."""
    kept, tokens = _kept(request), _tokens(request)
    return tokens.development if tokens is not None else kept is None or kept.issuer is None


def _tokens(request: Request) -> Tokens | None:
    found: Tokens | None = request.app.state.tokens
    return found
