"""The cookie of somebody who signed in with a browser, and the token against cross-site request forgery in every form.

The cookie holds a random number that stands for a session (kept_sessions.py). A service that neither keeps sessions nor
asks for them takes tokens of the development issuer alone, and its cookie holds the token itself. Cookies are bound to
a host and not to a port (RFC 6265 8.5): one sign-in serves every service of a host name.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.web.app import COOKIE, Problem, by_cookie, caller_by
from shared.web.auth import Caller

SESSION = COOKIE
BEFORE = "stepdown_before"
"""The cookie with a random value that the sign-in form's token is made of, while there is no session yet."""
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
TOKEN_BYTES = hashlib.sha256().digest_size
"""Of a form token without its mask."""
FORM_BYTES, MOST_FIELDS = 64 * 1024, 60
"""The largest form: bytes of its body, and how many fields."""
LONGEST = 3800
"""The most bytes of a bearer token: browsers keep cookies of 4,096 bytes with name and attributes (RFC 6265 6.1)."""


def page_caller(request: Request, *roles: str) -> Caller:
    """Who opens a page, by the session cookie. Raises NotSignedIn, a 403 Problem for another role, or Transient where
    it cannot be known now whose session it is."""
    return by_cookie(request, *roles)


async def check(request: Request, token: str) -> Caller:
    """Whose bearer token it is. Raises NotSignedIn for one that is not valid here."""
    if request.app.state.tokens is not None:
        await request.app.state.tokens.ready_for([token])
    return caller_by(request, f"Bearer {token}")


def keep(request: Request, response: Response, value: str) -> None:
    """Sign in: set the cookie. From another site's page the browser sends it with links alone (SameSite=Lax): else who
    comes back from the issuer would not be known yet."""
    _set(request, response, SESSION, value, "lax")


def forget(request: Request, response: Response) -> None:
    """Sign out: delete the cookie."""
    response.delete_cookie(SESSION, path="/", secure=_secure(request), httponly=True, samesite="lax")


def form_token(request: Request) -> str:
    """The token that every form of this session carries; only who can read the cookie can make it."""
    return token_of(request.cookies.get(SESSION, ""))


def before_session(request: Request) -> str:
    """The random value that the sign-in form's token is made of: the browser's own, or a new one that `plant` sets."""
    return request.cookies.get(BEFORE) or secrets.token_urlsafe(24)


def plant(request: Request, response: Response, seed: str) -> None:
    """Set the cookie with the seed of the sign-in form's token."""
    _set(request, response, BEFORE, seed)


def token_of(seed: str) -> str:
    """The form token of a seed: an HMAC-SHA-256 keyed with it, under a random mask that stands before it. It is another
    text in every answer, so that the size of a compressed page tells nothing of it (BREACH, decision 0213)."""
    mask = secrets.token_bytes(TOKEN_BYTES)
    return (mask + _masked(_token(seed), mask)).hex()


def is_token_of(seed: str, given: str) -> bool:
    """True for a form token of this seed, under whatever mask."""
    try:
        raw = bytes.fromhex(given)
    except ValueError:
        return False
    mask, masked = raw[:TOKEN_BYTES], raw[TOKEN_BYTES:]
    return len(masked) == TOKEN_BYTES and hmac.compare_digest(_masked(masked, mask), _token(seed))


def _token(seed: str) -> bytes:
    return hmac.new(seed.encode(), b"stepdown form", hashlib.sha256).digest()


def _masked(text: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(text, mask, strict=True))


async def form(request: Request, seed: str = SESSION, most: int = MOST_FIELDS) -> dict[str, str]:
    """The fields of a form that was sent by a page of this session, at `most` so many; `seed`: the cookie that its
    token is made of.

    Raises a 403 Problem for a form of any other page, 415 for another content-type, 413 beyond FORM_BYTES, and 400 for
    a body that is cut short or cannot be read.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise _not_ours()
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "a form is sent as a form")
    fields = _fields(await _body(request), most)
    cookie = request.cookies.get(seed, "")
    if not cookie or not is_token_of(cookie, fields.pop(FORM_TOKEN, "")):
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


def _fields(body: bytes, most: int) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError:  # UnicodeError is one
        pairs = [("", ""), ("", "")]
    found = dict(pairs)
    if len(found) != len(pairs) or any("\0" in value for value in found.values()):
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", "the form can't be read")
    return found


def _not_ours() -> Problem:
    text = "this form is not from a page of this session: open the page again and repeat what you did"
    return Problem(HTTPStatus.FORBIDDEN, "not-our-form", text)


def _set(
    request: Request, response: Response, name: str, value: str, samesite: Literal["lax", "strict"] = "strict"
) -> None:
    response.set_cookie(name, value, path="/", secure=_secure(request), httponly=True, samesite=samesite)


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
