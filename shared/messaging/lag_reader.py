"""How many records one consumer is behind, asked of the broker for every partition of its topic, whoever reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import SetUpError
from shared.messaging import positions
from shared.messaging.lag import Lag
from shared.messaging.places import Places
from shared.messaging.positions import Slot
from shared.messaging.reading import reading

Ends = tuple[int, int]
"""Where a partition's next batch begins, and where the partition ends."""


class LagReader:
    """For a timer: call `look`, then read `lag` and `unread`. `busy`: returns True while a batch is being handled."""

    def __init__(self, places: Places, busy: Callable[[], bool]) -> None:
        self.lag = Lag()
        self._places, self._busy = places, busy
        self._marks: dict[TopicPartition, Ends] = {}
        self._quiet: dict[TopicPartition, Ends] = {}
        self._records: set[TopicPartition] = set()

    @property
    def topic(self) -> str:
        """The subscriber's topic."""
        return self._places.subscriber.topic_names[0]

    async def look(self, connect: dict[str, Any]) -> None:
        """See how far this consumer is behind in every partition of its topic.

        While the broker is unavailable, the last figures stay. `connect`: client arguments for reading other processes'
        partitions, to see whether what is left there is more than transaction markers.
        """
        consumer = self._places.subscriber.consumer
        numbers = consumer.partitions_for_topic(self.topic) if consumer is not None else None
        if consumer is None or not numbers:
            return
        slots = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        try:
            async with asyncio.timeout(5):
                last = await consumer.end_offsets(slots)
                begin = await self._begin(consumer, slots)
                ends = {slot: (begin[slot], last[slot]) for slot in slots}
                left = {slot: await self._left(slot, ends[slot]) for slot in slots}
            async with asyncio.timeout(30):
                await self._look_closer(left, ends, connect)
        except (KafkaError, OSError, SetUpError):
            return
        if self._places.following is not None:
            self._places.following.see([Slot(*slot) for slot, number in left.items() if number])
        by_number = {slot.partition: number for slot, number in left.items()}
        self.lag.see(by_number, {slot.partition: at for slot, (at, _) in ends.items()}, self._mine(), time.monotonic())

    def unread(self) -> str | None:
        """A sentence for the operator where partitions have records that nobody reads; None while all is well."""
        stands = self.lag.unread(self._mine(), time.monotonic())
        if not stands:
            return None
        numbers = ", ".join(map(str, stands))
        return (
            f"nobody reads partition {numbers} of {self.topic}, and there are records: a process of this service has "
            "ended or hangs; restart them all"
        )

    def _mine(self) -> set[int]:
        return {slot.partition for slot in self._places.at}

    async def _begin(self, consumer: Any, slots: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """partition → the next offset to read; for a partition never read, its first offset."""
        async with self._places.database.read() as connection:
            stored = await positions.load(connection, self._places.consumer_name, [Slot(*slot) for slot in slots])
        found = {TopicPartition(*slot): position.next_offset for slot, position in stored.items()}
        never = [slot for slot in slots if found.get(slot, -1) < 0]
        return found | (dict(await consumer.beginning_offsets(never)) if never else {})

    async def _left(self, slot: TopicPartition, ends: Ends) -> int:
        """Records from a place to the end. Where this process has read to the end and no batch is being handled, what
        is left are transaction markers: 0."""
        place, end = ends
        ours = self._places.at.get(Slot(*slot))
        if end <= place or ends == self._marks.get(slot):
            return 0
        if ours is not None and ours.next_offset == place and not self._busy():
            return 0 if await self._places.reader(Slot(*slot)).position(slot) >= end else end - place
        return end - place

    async def _look_closer(
        self, left: dict[TopicPartition, int], ends: dict[TopicPartition, Ends], connect: dict[str, Any]
    ) -> None:
        """Read from other processes' partitions that have not moved since the last look; each such place is read
        once."""
        now = {slot: ends[slot] for slot, number in left.items() if number and Slot(*slot) not in self._places.at}
        quiet = [slot for slot, at in now.items() if self._quiet.get(slot) == at and slot not in self._records]
        self._quiet, self._records = now, {slot for slot in self._records if self._quiet.get(slot) == now.get(slot)}
        if quiet:
            async with reading(connect) as looking:
                at, until = [(slot, now[slot][0]) for slot in quiet], {slot: now[slot][1] for slot in quiet}
                numbers = await looking.left(at, until)
            for slot, number in zip(quiet, numbers, strict=True):
                left[slot] = number
                if number:
                    self._records.add(slot)
                else:
                    self._marks[slot] = now[slot]
