"""Limits of the HTTP port: the number of connections, the time that a request may take to arrive, and the time that an
answer may take to be read.

uvicorn has none of these: it keeps half a request header for as long as its sender likes, and accepts connections until
the process has no file descriptor left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared import metrics
from shared.web.connections import ConnectionSlots, sender_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How many connections there may be (from one address half of them), and how many seconds each part may take.

    `header_seconds`: from the connection's start, or from the first byte of a later request, to the end of its header;
    `body_seconds`: from there to the end of its body; `answer_seconds`: for an answer whose reader has stopped reading;
    `grace_seconds`: the least that a slow request has before it is closed for a newcomer; `keep_seconds`: an idle
    connection is kept open; `stop_seconds`: for open requests when the service stops.
    """

    connections: int = 1000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    grace_seconds: float = 3.0
    keep_seconds: int = 5
    stop_seconds: int = 5


class HttpDoor(uvicorn.Server):
    """uvicorn with these limits, and without its own signal handling: the service stops its parts in its own order.

    `behind_proxy`: who asks, and by which scheme, is taken from the X-Forwarded headers of the proxies that
    FORWARDED_ALLOW_IPS names (uvicorn's default: this machine); False: from nobody.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, *, behind_proxy: bool = True) -> None:
        super().__init__(_Config(app, limits, behind_proxy=behind_proxy))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


class _Config(uvicorn.Config):
    """What uvicorn hands to each connection: its own settings, our limits, and the slots of all connections."""

    def __init__(self, app: ASGIApp, limits: HttpLimits, *, behind_proxy: bool) -> None:
        super().__init__(
            app,
            proxy_headers=behind_proxy,
            http=_HttpConnection,
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
        self.seats = ConnectionSlots[_HttpConnection](limits.connections, share, limits.grace_seconds, time.monotonic)


class _HttpConnection(H11Protocol):
    """One HTTP connection. `_phase`: header, body or answer, each with its own deadline; work, while we answer; kept,
    between requests."""

    config: _Config

    def __init__(self, config: _Config, *given: Any, **more: Any) -> None:
        super().__init__(config, *given, **more)
        self._phase: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seated = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is accepted; it is aborted at once where there is no slot for it."""
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
        """The connection is closed."""
        if self._seated:
            self._leave()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request arrived."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer is written; the next request may have begun already."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """The caller has stopped reading its answer."""
        super().pause_writing()
        self.config.seats.slow(self)
        self._enter("answer", self.config.limits.answer_seconds)

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        self._look()

    def give_way(self, why: str) -> None:
        """Close the connection; where its request is not complete and no answer has begun, after a 408. `why` goes to
        the log and is the metric's label."""
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
        """Enter the phase that the connection is in now, by the state of h11's parser, and tell its slot."""
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
        """Begin a phase with its deadline in seconds (None: no deadline); bytes that come within it do not extend
        it."""
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
