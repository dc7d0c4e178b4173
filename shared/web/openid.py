"""The client of an OpenID issuer (OpenID Connect Core 1.0, authorization code with PKCE): where a browser is sent,
what a code or a refresh token is exchanged for, and whether the ID token that comes back may be believed.

The issuer is asked directly (no proxy, no redirect followed); each question has one deadline and a longest answer.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import jwt

from shared.errors import Transient
from shared.settings import is_loopback
from shared.web.auth import NotSignedIn
from shared.web.issuer import ALGORITHMS, PublishedKeys

WAIT_SECONDS = 5.0
"""For a whole question to the issuer, its answer read."""
MOST_BYTES = 256 * 1024
"""The longest answer that is read."""
KEPT_SECONDS = 3600.0
"""So long the issuer's description of itself is used."""
AT_ONCE = 8
"""Questions to the issuer at a time; more wait."""
LEEWAY = 60
"""Seconds by which the issuer's clock and ours may lie apart."""
AWAY = "the sign-in service can't be reached"


class Attempt(NamedTuple):
    """One sign-in that was begun: what has to come back (`state`, `nonce`), the secret that only we have (`verifier`,
    RFC 7636), the path to go to afterwards, and when it began (seconds since 1970)."""

    state: str
    nonce: str
    verifier: str
    then: str
    began: int


class Granted(NamedTuple):
    """What the issuer gave: the ID token as it came, its claims, and a refresh token with the seconds until the
    access token ends, where it gave these."""

    id_token: str
    claims: Mapping[str, Any]
    refresh_token: str | None
    seconds: int | None


class Described(NamedTuple):
    """The addresses in the issuer's description of itself (OpenID Connect Discovery 1.0)."""

    authorize: str
    token: str
    keys: PublishedKeys
    end: str | None
    basic: bool
    """Whether it takes the client's secret in the Authorization header."""


@dataclass(frozen=True)
class Issuer:
    """One issuer. `name`: its `iss`, the address below which it describes itself; `desk`: our own public address,
    to which it leads people back; `secret` None: a public client."""

    name: str
    client_id: str
    secret: str | None = field(repr=False)
    scopes: str
    desk: str

    @property
    def back(self) -> str:
        """Where the issuer leads people back to, with a code."""
        return f"{self.desk}/signed-in"

    async def address(self, attempt: Attempt, *, other: bool = False) -> str:
        """Where to send the browser to sign in; `other`: as somebody else than who is signed in there. Raises Transient
        where the issuer does not answer."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # noqa: PLC0415 - takes a while to import
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415 - takes a while to import

        there = await self._described()
        asked = {"nonce": attempt.nonce, "code_challenge": create_s256_code_challenge(attempt.verifier)}
        asked |= {"code_challenge_method": "S256"} | ({"prompt": "login"} if other else {})
        found: str = prepare_grant_uri(
            there.authorize, self.client_id, "code", self.back, self.scopes, attempt.state, **asked
        )
        return found

    async def exchange(self, code: str, attempt: Attempt) -> Granted:
        """What a code stands for. Raises NotSignedIn for a code or an ID token that is not to be believed, Transient
        where the issuer does not answer."""
        asked = {"code": code, "code_verifier": attempt.verifier}
        answer = await self._granted("authorization_code", redirect_uri=self.back, **asked)
        return await self._checked(answer, attempt.nonce, None)

    async def refresh(self, token: str, subject: str) -> Granted:
        """The same for a refresh token of this subject; the ID token is empty where none came with it. Raises
        NotSignedIn where it is refused."""
        answer = await self._granted("refresh_token", refresh_token=token)
        found = await self._checked(answer, None, subject) if answer.get("id_token") else _without_id(answer)
        return found if found.refresh_token else found._replace(refresh_token=token)

    async def sign_out_address(self, id_token: str) -> str | None:
        """Where the browser signs out at the issuer too (OpenID Connect RP-Initiated Logout 1.0); None where it has no
        such place, or does not say so now."""
        try:
            there = await self._described()
        except Transient:
            return None
        asked = {"id_token_hint": id_token, "post_logout_redirect_uri": f"{self.desk}/sign-out"}
        return there.end and f"{there.end}{'&' if '?' in there.end else '?'}{urlencode(asked)}"

    async def _granted(self, kind: str, **asked: str) -> dict[str, Any]:
        from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415 - takes a while to import

        there, headers = await self._described(), {"content-type": "application/x-www-form-urlencoded"}
        if self.secret is not None and there.basic:
            pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"  # RFC 6749 2.3.1
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            asked |= {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        status, answer = await self._asked("POST", there.token, headers, prepare_token_request(kind, **asked))
        if 400 <= status < 500 and status not in {408, 429}:
            raise NotSignedIn("the sign-in service refused it")
        if status != 200:
            raise Transient(AWAY)
        return answer

    async def _checked(self, answer: Mapping[str, Any], nonce: str | None, subject: str | None) -> Granted:
        """The answer with its ID token checked (OpenID Connect Core 3.1.3.7, 12.2). Raises NotSignedIn."""
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - takes a while to import
        from joserfc.errors import JoseError  # noqa: PLC0415 - takes a while to import

        token = str(answer.get("id_token") or "")
        keys = (await self._described()).keys
        await keys.ready_for(token)
        try:
            claims = jwt.decode(
                token, keys.of(token), algorithms=list(ALGORITHMS), audience=self.client_id, issuer=self.name,
                leeway=LEEWAY, options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )  # fmt: skip
            about = {"nonce": nonce, "client_id": self.client_id, "access_token": answer.get("access_token")}
            CodeIDToken(claims, jwt.get_unverified_header(token), params=about).validate(leeway=LEEWAY)
        except (jwt.PyJWTError, JoseError, ValueError, TypeError):
            raise NotSignedIn("the sign-in service's ID token is not to be believed") from None
        if subject is not None and claims["sub"] != subject:
            raise NotSignedIn("the sign-in service's ID token is somebody else's")
        return _without_id(answer)._replace(id_token=token, claims=claims)

    async def described(self) -> Described:
        """What the issuer says of its addresses. Raises Transient where it does not answer."""
        return await self._described()

    async def _described(self) -> Described:
        return await self._description.now(self)

    @cached_property
    def _description(self) -> _Description:
        return _Description()

    @cached_property
    def _few(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(AT_ONCE)

    async def _asked(self, method: str, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, Any]]:
        """(Status, the JSON object that was answered; empty for another status than 200). Raises Transient."""
        import httpx  # noqa: PLC0415 - takes a while to import

        try:
            async with self._few, asyncio.timeout(WAIT_SECONDS):
                return await _answer(method, url, {**headers, "accept": "application/json"}, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):  # TimeoutError is an OSError
            raise Transient(AWAY) from None


class _Description:
    """The issuer's description of itself, fetched when it is needed and KEPT_SECONDS old."""

    def __init__(self) -> None:
        self._found: Described | None = None
        self._until = float("-inf")
        self._asking = asyncio.Lock()

    async def now(self, of: Issuer) -> Described:
        """The description. Raises Transient where there is none, or it is not this issuer's."""
        async with self._asking:
            if self._found is None or time.monotonic() >= self._until:
                self._found = await self._fetched(of)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._found

    async def _fetched(self, of: Issuer) -> Described:
        url = f"{of.name.rstrip('/')}/.well-known/openid-configuration"
        status, told = await of._asked("GET", url, {}, "")  # noqa: SLF001 - two parts of one client
        if status != 200 or told.get("issuer") != of.name:
            raise Transient(AWAY)
        authorize, token, keys = (_place(told.get(f"{what}")) for what in _PLACES)
        end = _place(told["end_session_endpoint"]) if told.get("end_session_endpoint") else None
        methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]  # Discovery 1.0, 3
        return Described(authorize, token, PublishedKeys(keys), end, "client_secret_basic" in methods)


_PLACES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def _place(url: object) -> str:
    """An address of the issuer. Raises Transient for one that is neither https nor on this machine."""
    parts = urlsplit(str(url))
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return str(url)
    raise Transient(AWAY)


def _without_id(answer: Mapping[str, Any]) -> Granted:
    seconds, token = answer.get("expires_in"), answer.get("refresh_token")
    fits = isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0
    return Granted("", {}, token if isinstance(token, str) and token else None, seconds if fits else None)


async def _answer(method: str, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, Any]]:
    import httpx  # noqa: PLC0415 - takes a while to import

    async with (
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=WAIT_SECONDS) as client,
        client.stream(method, url, headers=headers, content=body.encode()) as answer,
    ):
        found = bytearray()
        async for part in answer.aiter_bytes():
            found += part
            if len(found) > MOST_BYTES:
                raise ValueError("the answer is too long")
    told = json.loads(found) if answer.status_code == 200 else {}
    if not isinstance(told, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004 - of the issuer's, as others that are no JSON
    return answer.status_code, told


def begun(then: str) -> Attempt:
    """A new attempt that leads to the path `then`: 256 random bits for each of state, nonce and verifier."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, then, int(time.time()))
