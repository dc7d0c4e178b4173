"""The MLLP door: connections, their limits and the order of their answers; what a message means is not known here.

Original and enhanced acknowledgements alike: whatever answers a message has are written in its turn. Nothing of a
frame's bytes gets into a log line or an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.intake.frames import Framer, TooLong, framed
from services.intake.reading import Answer, Received, refusal
from services.intake.reception import Reception
from shared import metrics
from shared.run import bound

log = logging.getLogger(__name__)
DOOR = "mllp"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sender may take of us: bytes of a frame, connections, frames unanswered, seconds.

    `frame_seconds` is how long a frame may take from its first byte to its last (slow-loris), `idle_seconds` how long
    a connection may say nothing, `stop_seconds` how long the answers of a stopping door may take.
    """

    frame_bytes: int = 1 << 20
    connections: int = 1000
    in_flight: int = 64
    frame_seconds: float = 30.0
    idle_seconds: float = 3600.0
    stop_seconds: float = 8.0


class Door:
    """Listens, and hands every frame to the reception. After `start`, `address` is where."""

    def __init__(
        self,
        reception: Reception[Received, Answer],
        address: tuple[str, int],
        clock: Callable[[], datetime],
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.reception, self.address, self.clock = reception, address, clock
        self.limits, self._tls = limits or Limits(), tls
        self.connections: set[Connection] = set()
        self.stopping = False
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        reception.when_room.append(self._go_on)

    async def start(self) -> None:
        """Open the port. Raises SetUpError where it is taken."""
        sock = bound(*self.address)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=sock, ssl=self._tls, backlog=512)
        self.address = sock.getsockname()[:2]
        self._sweeping = asyncio.create_task(self._sweep(), name="mllp-sweep")
        log.info("mllp open", extra={"mllp": "{}:{}".format(*self.address)})

    async def stop(self) -> None:
        """Take no new connection and no new frame, answer what came in whole, close."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                await self._all_closed()
        for connection in list(self.connections):
            connection.drop()
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def _all_closed(self) -> None:
        gone = [connection.gone for connection in self.connections]
        for connection in list(self.connections):
            connection.close_when_answered()
        await asyncio.gather(*gone)

    def _go_on(self) -> None:
        for connection in self.connections:
            connection.resume()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self.limits.frame_seconds / 2, self.limits.idle_seconds / 2))
            now = time.monotonic()
            for connection in list(self.connections):
                connection.look_at_the_time(now)


class Connection(asyncio.Protocol):
    """One sender: its frames in, their answers out in the same order."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._framer = Framer(door.limits.frame_bytes)
        self._waiting: deque[tuple[asyncio.Future[Answer], float]] = deque()
        self._since = self._began = time.monotonic()
        self._closing = self._writing_paused = self._reading_paused = False

    # ── what asyncio calls ────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender is there; one too many is turned away."""
        self._transport = cast("asyncio.Transport", transport)
        if self.door.stopping or len(self.door.connections) >= self.door.limits.connections:
            log.warning("connection turned away", extra={"connections": len(self.door.connections)})
            self._transport.abort()
            return
        self.door.connections.add(self)
        metrics.CONNECTIONS.set(len(self.door.connections))
        with contextlib.suppress(OSError, AttributeError):  # a peer that is gone without a word is noticed by and by
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        """Bytes came: hand in every frame that is whole."""
        if self._closing or self.door.stopping:
            return
        now = time.monotonic()
        if not self._framer.unfinished:
            self._began = now
        self._since = now
        try:
            for frame in self._framer.feed(data):
                self._hand_in(frame)
                self._began = now
        except TooLong:
            self._refuse_and_close()
        self._hold_back()

    def eof_received(self) -> bool:
        """The sender says no more, and may still want its answers."""
        self.close_when_answered()
        return self._tls_is_off()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it went is of no use
        """The sender is gone; what it sent in whole is stored all the same, and it will send it again."""
        self._closing = True
        self.door.connections.discard(self)
        metrics.CONNECTIONS.set(len(self.door.connections))
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        """The sender reads no answers: read nothing from it either."""
        self._writing_paused = True
        self.pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writing_paused = False
        self.resume()

    # ── frames and answers ────────────────────────────────────────────────────────────────────────────────────────

    def _hand_in(self, frame: bytes) -> None:
        received = Received(frame, DOOR, self.door.clock())
        answer = self.door.reception.hand_in(received)
        self._waiting.append((answer, time.perf_counter()))
        answer.add_done_callback(self._answer)

    def _answer(self, _: object = None) -> None:
        while self._waiting and self._waiting[0][0].done():
            done, began = self._waiting.popleft()
            if done.exception() is not None:  # no answer is better than a false one: the sender sends it again
                self.drop()
                return
            self._write(done.result())
            metrics.ANSWER_SECONDS.labels(DOOR).observe(time.perf_counter() - began)
        if self._closing and not self._waiting:
            self._transport.close()
        self.resume()

    def _write(self, answer: Answer) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(framed(reply) for reply in answer.replies))

    def _refuse_and_close(self) -> None:
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        told.set_result(refusal("a frame is longer than this site takes", self.door.clock()))
        self._waiting.append((told, time.perf_counter()))
        metrics.MESSAGES.labels(DOOR, "AR").inc()
        log.warning("frame too long", extra={"limit": self.door.limits.frame_bytes})
        self.close_when_answered()
        self._answer()

    # ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _hold_back(self) -> None:
        if self._must_wait():
            self.pause()

    def _must_wait(self) -> bool:
        behind = len(self._waiting) >= self.door.limits.in_flight or self._writing_paused
        return behind or self.door.reception.full or self._closing or self.door.stopping

    def pause(self) -> None:
        """Read no more for now."""
        if not self._reading_paused and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again, unless something stands against it."""
        if self._reading_paused and not self._must_wait() and not self._transport.is_closing():
            self._reading_paused = False
            self._since = self._began = time.monotonic()
            self._transport.resume_reading()

    def look_at_the_time(self, now: float) -> None:
        """Close a connection that says nothing, or says it too slowly; not one that waits for us."""
        if self._waiting or self._reading_paused:
            return
        slow = self._framer.unfinished and now - self._began > self.door.limits.frame_seconds
        if slow or now - self._since > self.door.limits.idle_seconds:
            log.info("connection closed", extra={"why": "slow" if slow else "idle"})
            self.drop()

    def close_when_answered(self) -> None:
        """Close as soon as every whole frame has its answer."""
        self._closing = True
        if not self._waiting:
            self._transport.close()

    def drop(self) -> None:
        """Close at once."""
        self._closing = True
        self._waiting.clear()
        self._transport.abort()

    def _tls_is_off(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is None
