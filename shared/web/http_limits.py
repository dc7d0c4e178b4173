"""The HTTP door's limits: how many connections, how long a request may take to come, how long an answer to be read.

uvicorn has none of these: it holds half a request header for as long as its sender likes, and takes connections until
the process has no descriptor left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared import metrics
from shared.web.connections import Seats, sender_of

log = logging.getLogger(__name__)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What callers may take: connections (half of them from one address at most), and seconds.

    `header_seconds` from the connection, or the first byte of a request on one that is kept, to the end of its header;
    `body_seconds` from there to the end of its body; `answer_seconds` for an answer that is not read; `grace_seconds`
    is what a request that comes slowly has at least where its seat is needed.
    """

    connections: int = 1000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    grace_seconds: float = 3.0
    keep_seconds: int = 5
    stop_seconds: int = 5


class HttpDoor(uvicorn.Server):
    """uvicorn with limits, and without its own signal handling: the service stops in its own order."""

    def __init__(self, app: Starlette, limits: HttpLimits) -> None:
        super().__init__(_Config(app, limits))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _Config(uvicorn.Config):
    """What uvicorn hands to each connection; the seats are in it."""

    def __init__(self, app: Starlette, limits: HttpLimits) -> None:
        super().__init__(
            app,
            http=_Caller,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            backlog=64,  # what is accepted at once has descriptors until it is turned away
            timeout_keep_alive=limits.keep_seconds,
            timeout_graceful_shutdown=limits.stop_seconds,
        )
        self.limits = limits
        share = max(limits.connections // 2, 1)
        self.seats = Seats[_Caller](limits.connections, share, limits.grace_seconds, time.monotonic)


class _Caller(H11Protocol):
    """One connection over HTTP. Its phase says what is waited for, and each phase has its time."""

    config: _Config

    def __init__(self, config: _Config, *given: Any, **more: Any) -> None:
        super().__init__(config, *given, **more)
        self._phase: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seated = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there; where there is no seat for it, it is turned away."""
        seats, address = self.config.seats, sender_of(transport.get_extra_info("peername"))
        self._seated, leaves = seats.give_way(address)
        if leaves is not None:
            leaves.give_way("its seat was needed")
        if not self._seated:
            metrics.HTTP_CLOSED.labels("turned away").inc()
            transport.abort()
            return
        seats.take(self, address)
        metrics.HTTP_CONNECTIONS.set(len(seats))
        super().connection_made(transport)
        self._enter("header", self.config.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        if self._seated:
            self._leave()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: a request, or a part of one."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer is written; the next request may come, or have come."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """The caller does not read its answer."""
        super().pause_writing()
        self.config.seats.slow(self)
        self._enter("answer", self.config.limits.answer_seconds)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._look()

    def give_way(self, why: str) -> None:
        """Close at once; where nothing of an answer was said yet, say why."""
        if self.transport.is_closing():
            return
        log.info("http connection closed", extra={"why": why})
        metrics.HTTP_CLOSED.labels(why).inc()
        begun = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._phase in {"header", "body"} and not begun and not self.flow.write_paused:
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()
        self._leave()

    def _look(self) -> None:
        """What is waited for now: the caller's header or body, or we; and what that means for its seat."""
        if self.transport.is_closing() or self.flow.write_paused:
            return
        limits, seats = self.config.limits, self.config.seats
        comes = self.conn.their_state
        if comes is h11.SEND_BODY:
            seats.slow(self)
            self._enter("body", limits.body_seconds)
        elif comes is not h11.IDLE:
            seats.busy(self)
            self._enter("work", None)
        elif self.conn.trailing_data[0]:
            seats.slow(self)
            self._enter("header", limits.header_seconds)
        elif self._phase != "header":  # uvicorn closes what is kept and says nothing
            seats.idle(self)
            self._enter("kept", None)

    def _enter(self, phase: str, seconds: float | None) -> None:
        """A phase has its time from its beginning; what comes meanwhile does not lengthen it."""
        if phase == self._phase:
            return
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.give_way, f"{phase} too slow")

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.config.seats.leave(self)
        metrics.HTTP_CONNECTIONS.set(len(self.config.seats))
