"""Group commit: messages that come by many connections while one transaction commits share the next one.

Each is answered by itself. Messages that cost long have a lane of their own, with a transaction of its own: nobody
else's answer waits for theirs. Knows no protocol and no database: `read` looks at one message, `take` does the work
and answers for every one of a batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.errors import Transient
from shared.pulse import Pulse

log = logging.getLogger(__name__)
In = TypeVar("In")
Read = TypeVar("Read")
Out = TypeVar("Out")


@dataclass(slots=True)
class _Waiting(Generic[In, Read, Out]):
    """A message that waits: what `read` made of it, what it is about, and its answer to come."""

    message: In
    answer: asyncio.Future[Out]
    read: Read | None = None
    keys: frozenset[Hashable] = frozenset()


class Keyed(Protocol):
    """Something that waits, and what it is about."""

    @property
    def keys(self) -> AbstractSet[Hashable]:
        """It may not overtake an earlier one that has one of these keys too."""


Each = TypeVar("Each", bound=Keyed)


def about_the_first(waiting: Iterable[Each], most: int) -> tuple[list[Each], deque[Each]]:
    """Split what waits into a batch, the first and up to `most` in all that share keys with it, and the rest, in order.

    One that shares a key with something in the rest stays behind it."""
    batch: list[Each] = []
    rest: deque[Each] = deque()
    mine, others = set[Hashable](), set[Hashable]()
    for one in waiting:
        if not batch or (len(batch) < most and one.keys & mine and not one.keys & others):
            batch.append(one)
            mine |= one.keys
        else:
            rest.append(one)
            others |= one.keys
    return batch, rest


def _none(_: object) -> Iterable[Hashable]:
    return ()


class Reception(Generic[In, Read, Out]):
    """`hand_in` a message, wait for its answer. While one batch commits, the next gathers and is read.

    After a batch of several it waits `gather` seconds for what their senders say next: without that, 20 connections
    take turns in two halves, and each half pays a commit of its own (measured: a quarter more messages a second).

    `keys` are what a message is about, and `is_long` says of keys that they go into the lane of those that cost long.
    As long as one of its keys is in that lane, a message goes there, too: no later one overtakes it.
    """

    def __init__(
        self,
        read: Callable[[In], Read],
        take: Callable[[Sequence[Read]], Awaitable[Sequence[Out]]],
        *,
        size: Callable[[In], int],
        keys: Callable[[Read], Iterable[Hashable]] = _none,
        is_long: Callable[[Iterable[Any]], bool] = lambda _: False,
        batch: int = 256,
        full_at: int = 64 << 20,
        gather: float = 0.002,
    ) -> None:
        self._read, self._take, self._size, self._keys, self._is_long = read, take, size, keys, is_long
        self._batch, self._full_at, self._gather = batch, full_at, gather
        self._queue: deque[_Waiting[In, Read, Out]] = deque()
        self._long: deque[_Waiting[In, Read, Out]] = deque()
        self._in_lane: Counter[Hashable] = Counter()
        self._some, self._some_long = asyncio.Event(), asyncio.Event()
        self._bytes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = self._all_sorted = False
        self.when_room: list[Callable[[], None]] = []
        self.pulse = Pulse("messages")
        self.long_pulse = Pulse("long visits")

    @property
    def full(self) -> bool:
        """True while so many bytes wait that the doors should stop reading."""
        return self._bytes >= self._full_at

    async def start(self) -> None:
        """Start working off what is handed in."""
        self._tasks = [
            asyncio.create_task(self._work(), name="reception"),
            asyncio.create_task(self._work_long(), name="reception-long"),
        ]

    def hand_in(self, message: In) -> asyncio.Future[Out]:
        """Queue a message; the future gives its answer. Raises Transient after `stop`."""
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
        if not self._tasks:
            return
        await self._tasks[0]
        self._all_sorted = True
        self._some_long.set()
        await self._tasks[1]

    async def _work(self) -> None:
        """Serve batches until the reception stops."""
        served = 0
        while True:
            if served > 1 and not self._stopping:
                await asyncio.sleep(self._gather)
            if not self._queue:
                if self._stopping:
                    return
                self._some.clear()
                await self._some.wait()
            batch = self._next_batch()
            served = len(batch)
            if batch:
                with self.pulse:
                    await self._serve(batch)

    def _next_batch(self) -> list[_Waiting[In, Read, Out]]:
        """The next messages; those that belong into the other lane go there."""
        batch: list[_Waiting[In, Read, Out]] = []
        while self._queue and len(batch) < self._batch:
            one = self._queue.popleft()
            if not self._is_read(one):
                continue
            if self._goes_aside(one):
                self._long.append(one)
                self._in_lane.update(one.keys)
                self._some_long.set()
            else:
                batch.append(one)
        return batch

    def _is_read(self, one: _Waiting[In, Read, Out]) -> bool:
        """Read a message that is not read yet; False where that fails, which then is its answer."""
        try:
            one.read = self._read(one.message) if one.read is None else one.read
            one.keys = frozenset(self._keys(one.read))
        except Exception as fault:
            log.exception("a message could not be read")
            self._answered([one], fault)
            return False
        return True

    def _goes_aside(self, one: _Waiting[In, Read, Out]) -> bool:
        """Whether a message goes into the lane of those that cost long."""
        return any(key in self._in_lane for key in one.keys) or self._is_long(one.keys)

    async def _work_long(self) -> None:
        """Serve the lane of messages that cost long until the reception stops."""
        while True:
            if not self._long:
                if self._all_sorted:
                    return
                self._some_long.clear()
                await self._some_long.wait()
            if self._long:
                batch = self._next_long()
                with self.long_pulse:
                    await self._serve(batch)
                self._in_lane -= Counter(key for one in batch for key in one.keys)

    def _next_long(self) -> list[_Waiting[In, Read, Out]]:
        batch, self._long = about_the_first(self._long, self._batch)
        return batch

    async def _serve(self, batch: Sequence[_Waiting[In, Read, Out]]) -> None:
        """Take a batch, and give each of its messages its answer."""
        try:
            answers = await self._take([one.read for one in batch if one.read is not None])
        except Exception as fault:
            log.exception("a batch could not be taken", extra={"messages": len(batch)})
            self._answered(batch, fault)
        else:
            for one, told in zip(batch, answers, strict=True):
                if not one.answer.done():
                    one.answer.set_result(told)
            self._answered(batch, None)

    def _answered(self, batch: Sequence[_Waiting[In, Read, Out]], fault: Exception | None) -> None:
        """Their bytes count no more; where the batch failed, the fault is the answer of each."""
        for one in batch if fault is not None else ():
            with contextlib.suppress(asyncio.InvalidStateError):
                one.answer.set_exception(fault)  # type: ignore[arg-type]
        was_full = self.full
        self._bytes -= sum(self._size(one.message) for one in batch)
        if was_full and not self.full:
            for call in self.when_room:
                call()
