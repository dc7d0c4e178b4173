"""The keys that a token issuer publishes (RFC 7517): fetched, cached, and found by a token's `kid`.

A fetch does not block the event loop, which serves every port. It is begun before a request is handled (`ready_for`);
there is one at a time, with one deadline for the whole of it, and requests that need it meanwhile wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import h11
import jwt

from shared.errors import SetUpError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The algorithms whose tokens are accepted: those with a public key, since a shared secret is never published."""
KEPT_SECONDS = 300.0
"""Fetched keys are used for so long: a key that the issuer has withdrawn is accepted no longer than this."""
PAUSE_SECONDS = 10.0
"""The least time between two fetches, so that tokens with invented key ids cannot cause one each."""
WAIT_SECONDS = 3.0
"""For a whole fetch: looking up the name, connecting, TLS, and every byte of the answer."""
MOST_BYTES = 256 * 1024
"""The longest answer that is read."""
Fetch = Callable[[str], Awaitable[bytes]]


class PublishedKeys:
    """The keys at `url`. `ready_for` fetches them where needed; `of` answers from what has been fetched."""

    def __init__(self, url: str, *, fetch: Fetch | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._url, self._fetch, self._now = url, fetch or fetched, now
        self._keys: dict[str | None, Any] = {}
        self._fresh_until = self._next_try = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where they are published."""
        return self._url

    def of(self, token: str) -> Any:
        """The key that the token's `kid` names; without one, the only key that there is (OpenID Connect Core 10.1).
        Raises PyJWTError where no such key is known."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not self._known(kid):
            raise jwt.InvalidKeyError("the issuer has published no such key")
        return self._keys[self._named(kid)]

    async def ready_for(self, token: str) -> None:
        """Wait until the token's key is known or a fetch has not brought it, WAIT_SECONDS at most. Raises nothing: `of`
        does, for a key that is not known."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            return
        if self._known(kid):
            return
        if self._fetching is None and self._now() >= self._next_try:
            self._next_try = self._now() + PAUSE_SECONDS
            self._fetching = asyncio.create_task(self._ask(), name="issuer")
        if self._fetching is not None:
            await asyncio.wait({self._fetching})

    def _known(self, kid: object) -> bool:
        return self._named(kid) in self._keys and self._now() < self._fresh_until

    def _named(self, kid: object) -> str | None:
        """The name under which the key is kept."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys))
        return kid if isinstance(kid, str) else None

    async def _ask(self) -> None:
        """Fetch the keys. Where that fails, the keys known so far are used until they are KEPT_SECONDS old."""
        began = self._now()
        try:
            self._keys = await keys_at(self._url, self._fetch)
            self._fresh_until = began + KEPT_SECONDS
        except SetUpError:
            return
        finally:
            self._fetching = None


async def keys_at(url: str, fetch: Fetch | None = None, wait: float = WAIT_SECONDS) -> dict[str | None, Any]:
    """`kid` → key, of the keys that are for signing, fetched within `wait` seconds. Raises SetUpError where the issuer
    does not answer, or answers with something other than a set of keys."""
    try:
        async with asyncio.timeout(wait):
            text = await (fetch or fetched)(url)
        published = jwt.PyJWKSet.from_dict(json.loads(text)).keys
    except (OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as fault:
        raise SetUpError(
            f"the issuer's keys can't be had ({type(fault).__name__}): see STEPDOWN_TOKEN_JWKS_URL"
        ) from None
    return {one.key_id: one.key for one in published if one.public_key_use in {None, "sig"}}


async def fetched(url: str) -> bytes:
    """The body at the URL. Raises OSError where there is no connection, for a status other than 200 (also a redirect,
    which is not followed), and for a body of more than MOST_BYTES."""
    place = urlsplit(url)
    host, safe = place.hostname or "", place.scheme == "https"
    tls = ssl.create_default_context() if safe else None
    reader, writer = await asyncio.open_connection(host, place.port or (443 if safe else 80), ssl=tls)
    try:
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        asked = h11.Request(
            method="GET",
            target=path,
            headers=[
                ("host", place.netloc.rpartition("@")[2]),
                ("accept", "application/json"),
                ("connection", "close"),
            ],
        )
        speaking = h11.Connection(h11.CLIENT)
        writer.write((speaking.send(asked) or b"") + (speaking.send(h11.EndOfMessage()) or b""))
        return await _body(speaking, reader)
    except h11.ProtocolError:
        raise OSError("the issuer does not speak HTTP") from None
    finally:
        with contextlib.suppress(Exception):
            writer.transport.abort()


async def _body(speaking: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while len(found) <= MOST_BYTES:
        event = speaking.next_event()
        if event is h11.NEED_DATA:
            speaking.receive_data(await reader.read(16_384))
        elif isinstance(event, h11.Response) and event.status_code != 200:
            raise OSError(f"the issuer answers {event.status_code}")
        elif isinstance(event, h11.Data):
            found += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return bytes(found)
    raise OSError("the issuer's answer is too long")
