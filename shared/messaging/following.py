"""One consumer takes what another one, in the same process and of the same topic, has fetched and decoded anyway.

Each keeps its own group, positions, transaction, parked facts and dead letters. The one that follows fetches by itself
wherever it is not where the other will come by, and wherever the other fails, takes long or has not the partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import TopicPartition

from shared.messaging.decoded import Decoded
from shared.messaging.positions import Position, Slot

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that the other may take for a batch before the one that follows fetches what comes next by itself."""
AHEAD = 20_000
"""Offsets that it may be ahead of the other in a partition and still wait for it to come by."""
MOST = 20_000
"""Records that are kept for it while it is busy; what comes then it fetches by itself."""


class Reader(Protocol):
    """A consumer's places (places.py), as far as following needs them."""

    at: dict[Slot, Position]
    unchecked: set[Slot]
    refused: str | None

    @property
    def subscriber(self) -> Any: ...


@dataclass(slots=True)
class Kept:
    """Records of one partition that wait to be taken: all that there are from offset `begin` to before `end`."""

    begin: int
    end: int
    batch: Decoded


class Follower:
    """What is kept for a consumer that follows another, and which partitions it does not fetch: these are paused.

    `places`: its own; `leader`: the other's. `take`: handles what `taken` returns, in a transaction of its own, and
    returns when that is committed or given up. `patience`: seconds, as PATIENCE.
    """

    def __init__(
        self, places: Reader, leader: Reader, take: Callable[[Callable[[], Decoded]], Awaitable[None]], patience: float
    ) -> None:
        self._places, self._leader, self._take, self._patience = places, leader, take, patience
        self._kept: dict[Slot, Kept] = {}
        self._under_way: dict[Slot, int] = {}
        self._working: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._apart = False
        self._stood: dict[Slot, int] = {}

    @property
    def busy(self) -> bool:
        """Whether something is kept."""
        return bool(self._kept)

    @contextlib.contextmanager
    def beside(self, batch: Decoded) -> Iterator[None]:
        """While the leader handles this batch, which begins at its positions: it is offered before, and whatever
        becomes of it there is nothing to the one that follows."""
        self._offer(batch)
        self._alarm = asyncio.get_running_loop().call_later(self._patience, self.alone)
        try:
            yield
        except BaseException:
            self.alone()
            raise
        else:
            self._apart = False
        finally:
            self._alarm.cancel()
            self.settle()

    def alone(self) -> None:
        """The leader fails, takes long or has lost a partition: everything is fetched by itself until it goes on."""
        self._apart = True
        self.settle()

    def see(self, left: Iterable[Slot]) -> None:
        """For a timer: in these partitions records are left. Where it stands as it did at the last look, though the
        leader should come by, it fetches by itself: the leader's own group may be unavailable."""
        stands = {slot: reached for slot in left if self._comes_by(slot) and (reached := self._reached(slot))}
        if self._working is None and any(self._stood.get(slot) == reached for slot, reached in stands.items()):
            self.alone()
        self._stood = stands

    def settle(self) -> None:
        """Pause the partitions in which the leader comes by, and fetch in the others."""
        consumer = self._places.subscriber.consumer
        if consumer is None or self._places.refused:
            return
        assigned, paused = consumer.assignment(), consumer.paused()
        for slot, place in self._places.at.items():
            partition = TopicPartition(*slot)
            if partition not in assigned or self._comes_by(slot) == (partition in paused):
                continue
            if partition in paused:
                consumer.seek(partition, place.next_offset)
                consumer.resume(partition)
            else:
                consumer.pause(partition)

    def reader(self, slot: Slot) -> Any:
        """The aiokafka consumer that fetches this partition for it."""
        consumer = self._places.subscriber.consumer
        other = self._leader.subscriber.consumer
        return other if other is not None and TopicPartition(*slot) in consumer.paused() else consumer

    def taken(self) -> Decoded:
        """All that is kept and goes on from its positions; nothing is kept afterwards. What it has handled since is
        among it."""
        kept, self._kept, at = self._kept, {}, self._places.at
        fitting = {slot: one for slot, one in kept.items() if slot in at and one.begin <= at[slot].next_offset}
        self._under_way = {slot: one.end for slot, one in fitting.items()}
        parts = [one.batch for one in fitting.values()]
        return Decoded([r for each in parts for r in each.records], [t for each in parts for t in each.told])

    def _comes_by(self, slot: Slot) -> bool:
        theirs, reached = self._leader.at.get(slot), self._reached(slot)
        if self._apart or self._leader.refused or theirs is None or reached is None:
            return False
        return theirs.next_offset <= reached <= theirs.next_offset + AHEAD

    def _reached(self, slot: Slot) -> int | None:
        """Where it goes on once it has handled what it has taken and what is kept; None where it has not the
        partition, or has still to see by itself whether the topic is the one that it knows."""
        place, kept = self._places.at.get(slot), self._kept.get(slot)
        if place is None or slot in self._places.unchecked:
            return None
        reached = max(place.next_offset, self._under_way.get(slot, 0))
        return kept.end if kept and kept.begin <= reached < kept.end else reached

    def _offer(self, batch: Decoded) -> None:
        """Keep of a batch what follows on what it has."""
        room = MOST - sum(len(one.batch.records) for one in self._kept.values())
        for slot, run in batch.runs():
            reached = self._reached(slot)
            if reached is not None and self._leader.at[slot].next_offset <= reached and len(run.records) <= room:
                room -= self._keep(slot, reached, run.after(reached))
        self.settle()
        if self._kept and self._working is None:
            self._working = asyncio.create_task(self._work(), name="follower")

    def _keep(self, slot: Slot, reached: int, more: Decoded) -> int:
        if more.records:
            kept = self._kept.get(slot)
            before = kept.batch if kept and kept.end == reached else Decoded([], [])
            begin = kept.begin if kept and kept.end == reached else reached
            batch = Decoded([*before.records, *more.records], [*before.told, *more.told])
            self._kept[slot] = Kept(begin, more.records[-1].offset + 1, batch)
        return len(more.records)

    async def _work(self) -> None:
        subscriber = self._places.subscriber
        try:
            while self._kept and subscriber.running:
                await self._take(self.taken)
                self._under_way = {}
                self.settle()
        except Exception:
            log.exception("what was kept is fetched again")
        finally:
            self._working = None
            self._kept, self._under_way = {}, {}
            self.settle()
