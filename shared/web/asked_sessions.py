"""The sessions of people who signed in with a browser, asked of the service that keeps them (intake's `/session`), and
believed for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.errors import Transient
from shared.settings import Settings
from shared.web.auth import Caller
from shared.web.kept_sessions import BY_ITSELF, OpenSession

if TYPE_CHECKING:
    import httpx

KEPT_SECONDS = 15.0
"""An answer is believed for so long: who signed out is signed out here this much later at the latest."""
MOST = 4000
"""Answers kept at a time; the oldest goes."""
WAIT_SECONDS = 3.0
"""For a whole answer."""
MOST_BYTES = 64 * 1024
"""The longest answer that is read."""
COOKIE = "stepdown_session"
AWAY = "whether you are signed in can't be checked now"


class AskedSessions:
    """Asks at `url`, the internal address of the service that keeps the sessions. `desk`: the desks' public address."""

    issuer = None

    def __init__(self, url: str, desk: str | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.url, self.desk, self._now = url.rstrip("/"), desk, now
        self._known: dict[bytes, tuple[float, OpenSession | None]] = {}
        self._asking: dict[bytes, asyncio.Task[OpenSession | None]] = {}

    async def of(self, cookie: str, *, used: bool = True) -> OpenSession | None:
        """See Sessions. Requests with one cookie that come meanwhile wait for the same answer."""
        name = _name(cookie, used=used)
        until, found = self._known.get(name, (0.0, None))
        if self._now() < until:
            return found
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._ask(name, cookie, used), name="session")
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(task)

    async def of_token(self, token: str, who: Caller, until: datetime, before: str | None) -> str:  # noqa: ARG002
        """See Sessions."""
        headers = {"authorization": f"Bearer {token}", **(_cookie(before) if before else {})}
        status, told = await self._asked("POST", headers)
        if status != 201:
            raise Transient(AWAY)
        return str(told["session"])

    async def end(self, cookie: str) -> str | None:
        """See Sessions."""
        for used in (True, False):
            self._known.pop(_name(cookie, used=used), None)
        status, told = await self._asked("DELETE", _cookie(cookie))
        if status != 200:
            raise Transient(AWAY)
        return told.get("sign_out")

    async def close(self) -> None:
        """Close the connections to the service."""
        await self._client.aclose()

    async def _ask(self, name: bytes, cookie: str, used: bool) -> OpenSession | None:
        status, told = await self._asked("GET", _cookie(cookie) | ({} if used else {BY_ITSELF: "1"}))
        if status not in {200, 401}:
            raise Transient(AWAY)
        found = _session(told) if status == 200 else None
        self._known.pop(name, None)
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        lasts = min(KEPT_SECONDS, found.seconds) if found else KEPT_SECONDS
        self._known[name] = (self._now() + lasts, found)
        return found

    async def _asked(self, method: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """(Status, the JSON object answered). Raises Transient where there is no answer in time."""
        import httpx  # noqa: PLC0415 - takes a while to import

        try:
            async with asyncio.timeout(WAIT_SECONDS):
                async with self._client.stream(method, f"{self.url}/session", headers=headers) as answer:
                    found = bytearray()
                    async for part in answer.aiter_bytes():
                        found += part
                        if len(found) > MOST_BYTES:
                            raise ValueError("the answer is too long")
                    return answer.status_code, json.loads(found)
        except (httpx.HTTPError, OSError, ValueError):  # TimeoutError is an OSError
            raise Transient(AWAY) from None

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - takes a while to import

        return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=WAIT_SECONDS)


def asked_sessions(settings: Settings) -> AskedSessions | None:
    """Where these settings say that sessions are kept; None where they say nothing."""
    if settings.sessions_url is None:
        return None
    return AskedSessions(settings.sessions_url, settings.desk_url and settings.desk_url.rstrip("/"))


def _name(cookie: str, *, used: bool) -> bytes:
    return hashlib.sha256(cookie.encode()).digest() + bytes([used])


def _cookie(value: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={value}"}


def _session(told: Mapping[str, Any]) -> OpenSession:
    """The session in an answer. Raises Transient for an answer that is no session."""
    try:
        who = Caller(str(told["subject"]), frozenset(told["roles"]), frozenset(told["facilities"]), str(told["name"]))
        return OpenSession(who, int(told["seconds"]))
    except (KeyError, TypeError, ValueError):
        raise Transient(AWAY) from None
