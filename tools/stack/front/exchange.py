"""One request on its way to a service and the answer on its way back, both part by part as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx

from tools.stack.front import headers

_EVENTS = "text/event-stream"


class NotPassed(Exception):
    """The request is not passed on; it is answered with this status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Gone(Exception):
    """Whoever asked has left: nothing is to be answered any more."""


class RequestBody:
    """The body of a request as it comes in. `there`: the request has one; `most`: bytes of it."""

    def __init__(self, receive: Any, *, there: bool, most: int) -> None:
        self.there = there
        self._receive, self._left = receive, most
        self._ended = asyncio.Event()
        if not there:
            self._ended.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises NotPassed beyond the limit, and Gone where the browser leaves before the end."""
        while not self._ended.is_set():
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            self._left -= len(part)
            if self._left < 0:
                raise NotPassed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if not message.get("more_body", False):
                self._ended.set()
            if part:
                yield part

    async def browser_left(self) -> None:
        """Wait until whoever asked has left, which shows only after the end of the body."""
        await self._ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Exchange:
    """`begun`: the browser has the beginning of the answer. `seconds`: to the answer's beginning, and between two of
    its parts, but not of a stream of events; `closing`: the front door ends such streams."""

    def __init__(self, send: Any, seconds: float, closing: asyncio.Event) -> None:
        self.begun = False
        self._send, self._seconds, self._closing = send, seconds, closing
        self._events = asyncio.Event()

    async def run(self, transport: httpx.AsyncBaseTransport, request: httpx.Request, body: RequestBody) -> None:
        """Pass the request on and its answer back. Raises NotPassed, TimeoutError, an httpx.TransportError, or Gone;
        the connection to the service is closed where the answer did not come to its end."""
        passing = asyncio.create_task(self._pass(transport, request))
        others = [asyncio.create_task(body.browser_left()), asyncio.create_task(self._is_to_end())]
        try:
            await asyncio.wait({passing, *others}, return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
            elif others[1].done():
                await self._stop(passing)
            else:
                raise Gone
        finally:
            for task in (passing, *others):
                task.cancel()
            await asyncio.gather(passing, *others, return_exceptions=True)

    async def _pass(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> None:
        async with asyncio.timeout(self._seconds):
            answer = await transport.handle_async_request(request)
        try:
            if answer.headers.get("content-type", "").startswith(_EVENTS):
                self._events.set()
            await self._send({
                "type": "http.response.start", "status": answer.status_code,
                "headers": headers.answered(answer.headers.raw),
            })  # fmt: skip
            self.begun = True
            parts = answer.aiter_raw()
            while (part := await self._next(parts)) is not None:
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
            await self._end()
        finally:
            await answer.aclose()

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        async with asyncio.timeout(None if self._events.is_set() else self._seconds):
            return await anext(parts, None)

    async def _is_to_end(self) -> None:
        await self._events.wait()
        await self._closing.wait()

    async def _stop(self, passing: asyncio.Task[None]) -> None:
        """End a stream of events between two of its parts."""
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
        if self.begun:
            await self._end()

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
