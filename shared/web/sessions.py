"""Signing in with a browser: a pasted token kept in a cookie that no script reads, and a token on every form.

The cookie holds the bearer token itself, so nothing is stored here and it ends when the token does. Cookies know hosts
and not ports (RFC 6265 8.5): one sign-in serves every service behind one host name.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.web.app import COOKIE, Problem, caller_by
from shared.web.auth import Caller

SESSION = COOKIE
BEFORE = "stepdown_before"
"""Before there is a session: what the sign-in form's token is made of."""
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
FORM_BYTES, MOST_FIELDS = 64 * 1024, 60
LONGEST = 3800
"""Bytes of a token: browsers keep cookies of 4096 bytes with name and attributes (RFC 6265 6.1)."""


def page_caller(request: Request, *roles: str) -> Caller:
    """Who looks at a page, by the cookie. Raises NotSignedIn or a 403 Problem."""
    token = request.cookies.get(SESSION)
    return caller_by(request, f"Bearer {token}" if token else None, *roles)


async def check(request: Request, token: str) -> Caller:
    """Whose token it is. Raises NotSignedIn for one that is not valid here."""
    if request.app.state.tokens is not None:
        await request.app.state.tokens.ready_for([token])
    return caller_by(request, f"Bearer {token}")


def keep(request: Request, response: Response, token: str) -> None:
    """Sign in: from now on the browser sends the token with every request to this host, and to no other site's."""
    _set(request, response, SESSION, token)


def forget(request: Request, response: Response) -> None:
    """Sign out."""
    response.delete_cookie(SESSION, path="/", secure=_secure(request), httponly=True, samesite="strict")


def form_token(request: Request) -> str:
    """What every form of this session carries; nobody can make it who can't read the cookie."""
    return token_of(request.cookies.get(SESSION, ""))


def before_session(request: Request) -> str:
    """The seed of a sign-in form: the one that the browser has, or a new one, which `plant` gives it."""
    return request.cookies.get(BEFORE) or secrets.token_urlsafe(24)


def plant(request: Request, response: Response, seed: str) -> None:
    """Give the browser the seed."""
    _set(request, response, BEFORE, seed)


def token_of(seed: str) -> str:
    """The form token that belongs to a seed."""
    return hmac.new(seed.encode(), b"stepdown form", hashlib.sha256).hexdigest()


async def form(request: Request, seed: str = SESSION) -> dict[str, str]:
    """The fields of a form that was sent by one of our own pages. Raises a 403 Problem for any other, 400, 413, 415."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise _not_ours()
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "a form is sent as a form")
    fields = _fields(await _body(request))
    cookie = request.cookies.get(seed, "")
    if not cookie or not hmac.compare_digest(token_of(cookie), fields.pop(FORM_TOKEN, "")):
        raise _not_ours()
    return fields


async def _body(request: Request) -> bytes:
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > FORM_BYTES:
                text = f"a form may have {FORM_BYTES} bytes at most"
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", text)
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "cut-short", "the form ended before its end") from None
    return bytes(found)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:  # UnicodeError is one
        pairs = [("", ""), ("", "")]
    found = dict(pairs)
    if len(found) != len(pairs) or any("\0" in value for value in found.values()):
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", "the form can't be read")
    return found


def _not_ours() -> Problem:
    text = "this form is not from a page of this session: open the page again and repeat what you did"
    return Problem(HTTPStatus.FORBIDDEN, "not-our-form", text)


def _set(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", secure=_secure(request), httponly=True, samesite="strict")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
