"""The MLLP door: connections, their limits, and the order of their answers. It does not look into messages.

The answers of a connection are written in the order of its messages, one or two for each (original or enhanced mode).
Nothing of a frame's bytes gets into a log line or an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from services.intake.hl7.frames import Framer, TooLong, framed
from services.intake.hl7.model import Fault
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.read import AWAY, Answer, InboundMessage, Received, refusal
from shared import metrics, spans
from shared.facts.tracing import begun_with
from shared.run import bound
from shared.web.connections import ConnectionSlots, sender_of

log = logging.getLogger(__name__)
DOOR = "mllp"
_ANSWERED = metrics.ANSWER_SECONDS.labels(DOOR)
_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""TCP keep-alive, in seconds and probes: a peer that vanished is noticed after two minutes, not after two hours."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of senders.

    `frame_bytes`: bytes of a frame; `unfinished_bytes`: of all frames together that have begun and not ended;
    `connections`: at a time; `share`: of one address (None: half of all); `in_flight`: unanswered frames of one
    connection. In seconds: `frame_seconds` from a frame's first byte to its last (against slow-loris), and for a sender
    to read its answers; `grace_seconds` that a connection has at least where another needs its seat; `idle_seconds`
    without a message; `hello_seconds` for the TLS handshake; `stop_seconds` to answer what is open when the door stops.
    """

    frame_bytes: int = 1 << 20
    unfinished_bytes: int = 64 << 20
    connections: int = 1000
    share: int | None = None
    in_flight: int = 64
    frame_seconds: float = 30.0
    grace_seconds: float = 3.0
    idle_seconds: float = 600.0
    hello_seconds: float = 10.0
    stop_seconds: float = 8.0


class _Owed(NamedTuple):
    """An answer to come, since when, and whether its frame, if not empty, keeps the connection from being idle."""

    answer: asyncio.Future[Answer]
    since: float
    renews: bool


class MllpDoor:
    """Listens, and hands every frame to the reception. After `start`, `address` has the port that was opened."""

    def __init__(
        self,
        reception: Reception[Received, list[InboundMessage], Answer],
        address: tuple[str, int],
        clock: Callable[[], datetime],
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.reception, self.address, self.clock = reception, address, clock
        self.limits, self._tls = limits or Limits(), tls
        self.connections: set[Connection] = set()
        share = self.limits.share or max(self.limits.connections // 2, 1)
        self.seats = ConnectionSlots[Connection](
            self.limits.connections, share, self.limits.grace_seconds, time.monotonic
        )
        self.unfinished_bytes = 0
        self.stopping = False
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        reception.when_room.append(self._go_on)

    async def start(self) -> None:
        """Open the port. Raises SetUpError where it is taken."""
        sock = bound(*self.address)
        loop = asyncio.get_running_loop()
        hello = self.limits.hello_seconds if self._tls else None
        self._server = await loop.create_server(
            lambda: Connection(self), sock=sock, ssl=self._tls, ssl_handshake_timeout=hello, backlog=512
        )
        self.address = sock.getsockname()[:2]
        self._sweeping = asyncio.create_task(self._sweep(), name="mllp-sweep")
        log.info("mllp open", extra={"mllp": "{}:{}".format(*self.address), "tls": self._tls is not None})

    async def stop(self) -> None:
        """Take no new connection and no new frame, answer the frames that came in whole, close."""
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

    def admit(self, newcomer: Connection) -> bool:
        """Give a new connection a seat, closing the longest idle one if none is free. False: it is turned away."""
        admitted, leaves = self.seats.give_way(newcomer.address)
        if leaves is not None:
            leaves.give_way("its seat was needed")
        if admitted and not self.stopping:
            self.seats.take(newcomer, newcomer.address)
            self.connections.add(newcomer)
            metrics.CONNECTIONS.set(len(self.connections))
            return True
        log.warning("connection turned away", extra={"connections": len(self.seats)})
        metrics.CLOSED.labels("turned away").inc()
        return False

    def hold(self, more: int) -> None:
        """Add to the bytes that are held of unfinished frames (`more` may be negative); refuse frames over the limit.

        Refused is the oldest frame of the address that holds most: no sender's frames can push out another's.
        """
        self.unfinished_bytes += more
        while self.unfinished_bytes > self.limits.unfinished_bytes:
            held: Counter[str] = Counter()
            for connection in self.connections:
                held[connection.address] += connection.held
            most = max(held, key=held.__getitem__)
            mine = [each for each in self.connections if each.address == most and each.held]
            min(mine, key=lambda each: each.began).refuse_unfinished()

    def _go_on(self) -> None:
        for connection in self.connections:
            connection.resume()

    async def _sweep(self) -> None:
        """Look at all connections' times at least once a second."""
        while True:
            await asyncio.sleep(min(1.0, self.limits.frame_seconds / 2, self.limits.idle_seconds / 2))
            now = time.monotonic()
            for connection in list(self.connections):
                connection.look_at_the_time(now)


class Connection(asyncio.Protocol):
    """One sender: its frames in, their answers out in the same order."""

    def __init__(self, door: MllpDoor) -> None:
        self.door = door
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.address = ""
        self.held = 0
        self._framer = Framer(door.limits.frame_bytes)
        self._waiting: deque[_Owed] = deque()
        self._since = self.began = time.monotonic()
        self._closing = self._refused = self._reading_paused = False
        self._unread_since: float | None = None

    # ── what asyncio calls ────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender has connected; without a free seat it is turned away."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = sender_of(transport.get_extra_info("peername"))
        if self.door.admit(self):
            keep_alive(self._transport.get_extra_info("socket"))
        else:
            self._closing = True
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came: hand in every frame that is whole."""
        if self._closing or self.door.stopping:
            return
        now = time.monotonic()
        if not self._framer.unfinished:
            self.began = now
        try:
            for frame in self._framer.feed(data):
                self._hand_in(frame)
                self.began = now
        except TooLong:
            self._refuse("a frame is longer than this site takes")
        self._tell_cut(self._framer.cut)
        self._framer.cut = 0
        self._hold_back()
        self._tell_seats()
        self._hold()

    def eof_received(self) -> bool:
        """The sender has closed its side, and may still want its answers."""
        self.close_when_answered()
        return self._tls_is_off()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it went is of no use
        """The connection is gone. Whole frames are stored all the same; unanswered, the sender will send them again."""
        self._closing = True
        self._leave()
        self.door.connections.discard(self)
        metrics.CONNECTIONS.set(len(self.door.connections))
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        """The sender does not read its answers: read nothing from it, either."""
        self._unread_since = time.monotonic()
        self.pause()

    def resume_writing(self) -> None:
        """The sender reads its answers again."""
        self._unread_since = None
        self.resume()

    # ── frames and answers ────────────────────────────────────────────────────────────────────────────────────────

    def _hand_in(self, frame: bytes) -> None:
        received = Received(frame, DOOR, self.door.clock())
        answer = self.door.reception.hand_in(received)
        renews = bool(frame.strip())
        if renews:
            self._since = time.monotonic()
        self._waiting.append(_Owed(answer, time.perf_counter(), renews))
        answer.add_done_callback(self._answer)

    def _answer(self, _: object = None) -> None:
        """Write all answers that are there, up to the first that is not."""
        while self._waiting and self._waiting[0].answer.done():
            done, began, renews = self._waiting.popleft()
            if done.exception() is not None:  # no answer is better than a false one: the sender sends it again
                self.drop()
                return
            self._write(done.result())
            if renews:
                self._since = time.monotonic()
            _ANSWERED.observe(time.perf_counter() - began)
            if spans.on():
                answer = done.result()
                own = [begun_with(each) for each in answer.message_ids]
                spans.door("MLLP message", own, began, {"stepdown.answer": answer.code})
        self._close_if_done()
        self._tell_seats()
        self.resume()

    def _write(self, answer: Answer) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(framed(reply) for reply in answer.replies))

    def _refuse(self, why: str, fault: Fault | None = None) -> None:
        """Answer AR to a frame that has begun and can't be taken; nothing more is read of this connection."""
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        told.set_result(refusal(why, self.door.clock(), fault))
        self._waiting.append(_Owed(told, time.perf_counter(), renews=False))
        metrics.MESSAGES.labels(DOOR, "AR").inc()
        log.warning("frame refused", extra={"why": why})
        self._closing = self._refused = True
        self._framer.forget()
        self._answer()

    def refuse_unfinished(self) -> None:
        """Refuse the frame that has begun, since all of these together hold too many bytes: it is to be sent again."""
        self._refuse("too many frames have begun and not ended; send it again", AWAY)
        self._hold()

    def _close_if_done(self) -> None:
        """Close where that is due and all is answered. After a refusal close our side only: to close with bytes unread
        would reset the connection before the answer is read."""
        if not self._closing or self._waiting:
            return
        if self._refused and self._transport.can_write_eof():
            self._since = time.monotonic()
            self._transport.write_eof()
        else:
            self._transport.close()

    # ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tell_seats(self) -> None:
        """Tell the seats who waits: the sender for an answer, the door for the rest of a frame, or nobody."""
        if any(owed.renews for owed in self._waiting):
            self.door.seats.busy(self)
        elif self._framer.unfinished or self._refused:
            self.door.seats.slow(self)
        else:
            self.door.seats.idle(self)

    def _hold(self) -> None:
        """Count the bytes of the frame that has begun; for that this frame or another may be refused."""
        more, self.held = self._framer.held - self.held, self._framer.held
        self.door.hold(more)

    def _hold_back(self) -> None:
        """Read no more where that is due."""
        if self._must_wait():
            self.pause()

    def _must_wait(self) -> bool:
        """Whether nothing more may be read now. A refused sender's bytes are read, and dropped."""
        if self._refused:
            return False
        behind = len(self._waiting) >= self.door.limits.in_flight or self._unread_since is not None
        return behind or self.door.reception.full or self._closing or self.door.stopping

    def pause(self) -> None:
        """Read no more for now."""
        if not self._reading_paused and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again, if nothing is against it."""
        if self._reading_paused and not self._must_wait() and not self._transport.is_closing():
            self._reading_paused = False
            self._since = self.began = time.monotonic()
            self._transport.resume_reading()

    def look_at_the_time(self, now: float) -> None:
        """Close a connection that is idle, slow, or does not read its answers; not one that waits for an answer."""
        why = self._overdue(now)
        if why:
            self.give_way(why)

    def _overdue(self, now: float) -> str | None:
        """Why the connection is to be closed; None where it is not. `now` is of the monotonic clock, in seconds."""
        patience = self.door.limits.frame_seconds
        if self._unread_since is not None:
            return "answers unread" if now - self._unread_since > patience else None
        if self._waiting or (self._reading_paused and not self._refused):
            return None
        if self._refused:
            return "refused" if now - self._since > patience else None
        if self._framer.unfinished and now - self.began > patience:
            return "slow"
        return "idle" if now - self._since > self.door.limits.idle_seconds else None

    def close_when_answered(self) -> None:
        """Close as soon as every whole frame has its answer."""
        self._closing, self._refused = True, False
        self._close_if_done()

    def give_way(self, why: str) -> None:
        """Close at once, and log why; the sender will connect again."""
        log.info("connection closed", extra={"why": why})
        metrics.CLOSED.labels(why).inc()
        self.drop()

    def drop(self) -> None:
        """Close at once."""
        self._closing = True
        self._waiting.clear()
        self._leave()
        self._transport.abort()

    def _leave(self) -> None:
        """Give up the seat, and the bytes of the frame that has begun."""
        self._tell_cut(self._framer.begun)
        self._framer.forget()
        self._hold()
        self.door.seats.leave(self)

    def _tell_cut(self, frames: int) -> None:
        if frames:
            metrics.FRAMES_CUT.inc(frames)
            log.warning("the end of a frame never came", extra={"frames": frames})

    def _tls_is_off(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is None


def keep_alive(sock: socket.socket | None) -> None:
    """Let the system ask a silent peer whether it is still there, where the system can."""
    if sock is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _ALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
