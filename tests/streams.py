"""Open pages in tests: an application behind the service's own HTTP door, and readers of its server-sent events."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette

from shared.run import bound
from shared.web.http_limits import HttpDoor, HttpLimits
from shared.web.live import LivePages
from tests.waiting import until


class OpenPage:
    """What a page was told so far: (event, its data), the oldest first. `over`: the stream has ended."""

    def __init__(self, response: httpx.Response) -> None:
        self.response, self.told, self.over = response, list[tuple[str, Any]](), False

    async def read(self) -> None:
        """Note every event until the end."""
        event = ""
        async for line in self.response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                self.told.append((event, orjson.loads(value)))
        self.over = True

    def heard(self, event: str = "changed") -> list[Any]:
        """The data of its events of this name."""
        return [data for name, data in self.told if name == event]

    @property
    def lists(self) -> set[str]:
        """Every list that it was told of."""
        return {name for each in self.heard() for name in each["lists"]}

    @property
    def patients(self) -> set[str]:
        """Every patient that it was told of."""
        return {patient for each in self.heard() for patient in each["patients"] or ()}


@asynccontextmanager
async def served(app: Starlette, pages: LivePages) -> AsyncIterator[str]:
    """The address of an application behind a door; its streams end before the door is closed. Whoever does not read is
    noticed after little."""
    web, sock = HttpDoor(app, HttpLimits(answer_seconds=0.5)), bound("127.0.0.1", 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    serving = asyncio.create_task(web.serve(sockets=[sock]))
    await until(lambda: web.started)
    try:
        yield "http://{}:{}".format(*sock.getsockname()[:2])
    finally:
        await pages.stop()
        web.should_exit = True
        await serving


@asynccontextmanager
async def opened(address: str, headers: Mapping[str, str], age: int | None = None) -> AsyncIterator[OpenPage]:
    """A page that has begun to listen: it is told of what changes from now on."""
    query = {} if age is None else {"age": str(age)}
    async with (
        httpx.AsyncClient(base_url=address, timeout=30) as client,
        client.stream("GET", "/live", params=query, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        page = OpenPage(response)
        reading = asyncio.create_task(page.read())
        try:
            await until(lambda: page.heard("beat"))
            yield page
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def listens(pages: LivePages) -> None:
    """Wait until changes are heard."""
    await until(lambda: pages.listener.listening)
