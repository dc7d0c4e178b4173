"""The keys that a real token issuer publishes (RFC 7517): fetched, kept for a while, found by a token's `kid`."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import jwt

from shared.errors import SetUpError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those with a public key only: a shared secret is never published."""
KEPT_SECONDS = 300.0
"""A key that the issuer takes back is believed for so long at most."""
PAUSE_SECONDS = 10.0
"""Between two tries, so that tokens with made-up key ids can't make us ask all day."""
WAIT_SECONDS = 3.0
MOST_BYTES = 256 * 1024


class PublishedKeys:
    """The keys at `url`. A fetch blocks whoever asks for at most three seconds, once in ten seconds at most."""

    def __init__(
        self, url: str, *, fetch: Callable[[str], bytes] | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._fetch, self._now = url, fetch or fetched, now
        self._keys: dict[str | None, Any] = {}
        self._fresh_until = self._next_try = float("-inf")

    def of(self, token: str) -> Any:
        """The key that the token says it is signed with. Raises PyJWTError where there is none."""
        kid = jwt.get_unverified_header(token).get("kid")
        now = self._now()
        if (now >= self._fresh_until or kid not in self._keys) and now >= self._next_try:
            self._ask(now)
        if kid not in self._keys or now >= self._fresh_until:
            raise jwt.InvalidKeyError("the issuer has published no such key")
        return self._keys[kid]

    def _ask(self, now: float) -> None:
        """Away or not fit: what is known stays, as long as it is fresh."""
        self._next_try = now + PAUSE_SECONDS
        try:
            self._keys = keys_at(self._url, self._fetch)
        except SetUpError:
            return
        self._fresh_until = now + KEPT_SECONDS


def keys_at(url: str, fetch: Callable[[str], bytes] | None = None) -> dict[str | None, Any]:
    """`kid` → key, of those that sign. SetUpError where the issuer is away, or what it says is no set of keys."""
    try:
        published = jwt.PyJWKSet.from_dict(json.loads((fetch or fetched)(url))).keys
    except (OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as fault:
        raise SetUpError(
            f"the issuer's keys can't be had ({type(fault).__name__}): see STEPDOWN_TOKEN_JWKS_URL"
        ) from None
    return {one.key_id: one.key for one in published if one.public_key_use in {None, "sig"}}


def fetched(url: str) -> bytes:
    """What is at the URL. Raises OSError."""
    with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as answer:  # noqa: S310 - https by Settings
        found: bytes = answer.read(MOST_BYTES)
        return found
