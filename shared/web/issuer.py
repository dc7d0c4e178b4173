"""The keys that a real token issuer publishes (RFC 7517): fetched, kept for a while, found by a token's `kid`.

A fetch never holds the event loop, which is that of every door: it is asked for before a request is looked at
(`ready_for`), one at a time, with one deadline for all of it; who asks meanwhile waits for that one.
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
"""Those with a public key only: a shared secret is never published."""
KEPT_SECONDS = 300.0
"""A key that the issuer takes back is believed for so long at most."""
PAUSE_SECONDS = 10.0
"""Between two tries, so that tokens with made-up key ids can't make us ask all day."""
WAIT_SECONDS = 3.0
"""For a whole fetch: name, connection, TLS, every byte of the answer."""
MOST_BYTES = 256 * 1024
Fetch = Callable[[str], Awaitable[bytes]]


class PublishedKeys:
    """The keys at `url`. What is asked of them (`of`) is answered from what is known; `ready_for` sees to that."""

    def __init__(self, url: str, *, fetch: Fetch | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._url, self._fetch, self._now = url, fetch or fetched, now
        self._keys: dict[str | None, Any] = {}
        self._fresh_until = self._next_try = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    def of(self, token: str) -> Any:
        """The key that the token says it is signed with. Raises PyJWTError where there is none."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not self._known(kid):
            raise jwt.InvalidKeyError("the issuer has published no such key")
        return self._keys[kid]

    async def ready_for(self, token: str) -> None:
        """Wait until its key is known, or until it is clear that it won't be; three seconds at most. Never fails."""
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
        return isinstance(kid, str | None) and kid in self._keys and self._now() < self._fresh_until

    async def _ask(self) -> None:
        """Away or not fit: what is known stays, as long as it is fresh."""
        began = self._now()
        try:
            self._keys = await keys_at(self._url, self._fetch)
            self._fresh_until = began + KEPT_SECONDS
        except SetUpError:
            return
        finally:
            self._fetching = None


async def keys_at(url: str, fetch: Fetch | None = None, wait: float = WAIT_SECONDS) -> dict[str | None, Any]:
    """`kid` → key, of those that sign. SetUpError where the issuer is away, or what it says is no set of keys."""
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
    """What is at the URL, and nowhere else: a redirect is no answer. Raises OSError, also for one that is too long."""
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
