"""HTTP clients for the services of a running system, each request with the token of a role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from shared.errors import StepdownError, Transient

Json = dict[str, Any]
SECONDS = 60.0
"""How long a request may take."""


class Refused(StepdownError):
    """A service answered with an error: its status, and the code in the problem's type (RFC 9457); never what was
    sent."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(f"refused: {status} {word}")
        self.status, self.word = status, word


class Door:
    """A client of one HTTP port. Connections are kept and used again; there are as many as requests at a time."""

    def __init__(self, address: str) -> None:
        at = urlsplit(address)
        self.host, self.port = at.hostname or "127.0.0.1", at.port or 80
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """(status, body of the answer). Raises Transient where there is no answer within SECONDS on a new
        connection."""
        kept = bool(self._idle)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._once(method, path, headers, body)
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError):
            if not kept:
                raise Transient(f"the door at {self.host}:{self.port} did not answer") from None
        self.close()  # a kept connection may have been closed meanwhile; every act has a key, so it is done once
        return await self.ask(method, path, headers, body)

    async def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        streams = self._idle.pop() if self._idle else await asyncio.open_connection(self.host, self.port)
        try:
            answer = await self._answered(*streams, (method, path), headers, body)
        except BaseException:
            streams[1].close()
            raise
        self._idle.append(streams)
        return answer

    async def _answered(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: tuple[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[int, bytes]:
        """`asked`: method and path."""
        every = {"host": f"{self.host}:{self.port}", "content-length": str(len(body)), **headers}
        lines = "".join(f"{name}: {text}\r\n" for name, text in every.items())
        writer.write(f"{' '.join(asked)} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        told = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:])}
        answer = await reader.readexactly(int(told.get("content-length", "0")))
        return int(head[0].split(" ")[1]), answer

    def close(self) -> None:
        """Close the connections that are idle."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


class Doors:
    """Clients of the three services: `addresses` and `tokens` are by service and by role."""

    def __init__(self, addresses: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        self._doors = {service: Door(address) for service, address in addresses.items()}
        self._tokens = tokens

    async def get(self, service: str, path: str, role: str = "coordinator", **query: str) -> Json:
        """The JSON of a GET. Raises Refused for an error, Transient where the service does not answer."""
        asked = f"{path}?{urlencode(query)}" if query else path
        return _good(*await self._doors[service].ask("GET", asked, self._as(role)))

    async def post(self, service: str, path: str, body: Json, key: str, role: str = "coordinator") -> Json:
        """The JSON of a POST; fields that are None are not sent, `key` is its Idempotency-Key. Raises as `get`."""
        headers = self._as(role) | {"content-type": "application/json", "idempotency-key": key}
        told = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        return _good(*await self._doors[service].ask("POST", path, headers, told))

    async def put(self, service: str, path: str, body: Json, role: str) -> Json:
        """The JSON of a PUT, which may be repeated. Raises as `get`."""
        headers = self._as(role) | {"content-type": "application/json"}
        return _good(*await self._doors[service].ask("PUT", path, headers, json.dumps(body).encode()))

    def close(self) -> None:
        """Close all idle connections."""
        for door in self._doors.values():
            door.close()

    def _as(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens[role]}"}


def _good(status: int, body: bytes) -> Json:
    found: Json = json.loads(body) if body else {}
    if status >= 400:
        raise Refused(status, str(found.get("type", "")).rpartition(":")[2] or "no")
    return found
