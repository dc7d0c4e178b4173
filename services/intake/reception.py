"""Where messages of many connections wait for one another: all that are there share a transaction (group commit).

Each is answered by itself. Knows no protocol and no database: `read` looks at one message, `take` does the work and
answers for every one of a batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import Transient

log = logging.getLogger(__name__)
In = TypeVar("In")
Read = TypeVar("Read")
Out = TypeVar("Out")


@dataclass(slots=True)
class _Waiting(Generic[In, Read, Out]):
    message: In
    answer: asyncio.Future[Out]
    read: Read | None = None


class Reception(Generic[In, Read, Out]):
    """`hand_in` a message, wait for its answer. While one batch commits, the next gathers and is read.

    After a batch of several it waits `gather` seconds for what their senders say next: without that, 20 connections
    take turns in two halves, and each half pays a commit of its own (measured: a quarter more messages a second).
    """

    def __init__(
        self,
        read: Callable[[In], Read],
        take: Callable[[Sequence[Read]], Awaitable[Sequence[Out]]],
        *,
        size: Callable[[In], int],
        batch: int = 256,
        workers: int = 1,
        full_at: int = 64 << 20,
        gather: float = 0.002,
    ) -> None:
        self._read, self._take, self._size = read, take, size
        self._batch, self._workers, self._full_at, self._gather = batch, workers, full_at, gather
        self._queue: deque[_Waiting[In, Read, Out]] = deque()
        self._some = asyncio.Event()
        self._bytes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.when_room: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """True while so many bytes wait that nobody should hand in more."""
        return self._bytes >= self._full_at

    async def start(self) -> None:
        """Begin to take what is handed in."""
        self._tasks = [asyncio.create_task(self._work(), name=f"reception-{n}") for n in range(self._workers)]

    def hand_in(self, message: In) -> asyncio.Future[Out]:
        """The answer to come. Raises Transient after `stop`."""
        if self._stopping:
            raise Transient("the service is stopping")
        waiting: _Waiting[In, Read, Out] = _Waiting(message, asyncio.get_running_loop().create_future())
        if len(self._queue) < self._batch:  # what was read takes more memory: of a longer queue only the next batch
            waiting.read = self._read(message)
        self._queue.append(waiting)
        self._bytes += self._size(message)
        self._some.set()
        return waiting.answer

    async def stop(self) -> None:
        """Take nothing more, answer what is there."""
        self._stopping = True
        self._some.set()
        await asyncio.gather(*self._tasks)

    async def _work(self) -> None:
        served = 0
        while True:
            if served > 1 and not self._stopping:
                await asyncio.sleep(self._gather)
            if not self._queue:
                if self._stopping:
                    return
                self._some.clear()
                await self._some.wait()
            served = min(len(self._queue), self._batch)
            if served:
                await self._serve([self._queue.popleft() for _ in range(served)])

    async def _serve(self, batch: Sequence[_Waiting[In, Read, Out]]) -> None:
        try:
            ready = [self._read(one.message) if one.read is None else one.read for one in batch]
            answers = await self._take(ready)
        except Exception as fault:
            log.exception("a batch could not be taken", extra={"messages": len(batch)})
            for one in batch:
                with contextlib.suppress(asyncio.InvalidStateError):
                    one.answer.set_exception(fault)
        else:
            for one, told in zip(batch, answers, strict=True):
                if not one.answer.done():
                    one.answer.set_result(told)
        self._make_room(batch)

    def _make_room(self, batch: Sequence[_Waiting[In, Read, Out]]) -> None:
        was_full = self.full
        self._bytes -= sum(self._size(one.message) for one in batch)
        if was_full and not self.full:
            for call in self.when_room:
                call()
