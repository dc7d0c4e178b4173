"""Topics read from outside, by who is no consumer: no group, no position stored, committed records only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import SetUpError, Transient
from shared.patience import be_patient

MOST = 5000
"""Records in one batch."""
PATIENCE = 10.0
"""Seconds without a record before the end of a topic: then its end can't be read, by an open transaction perhaps."""


class Reading:
    """A look at some topics. `begin` chooses them; then `batch` as long as one likes, or `to_the_end`."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: dict[str, int]) -> None:
        self._consumer, self._partitions = consumer, partitions
        self.slots: list[TopicPartition] = []

    async def begin(self, topics: Iterable[str], *, at_the_end: bool = False) -> None:
        """Read these topics from their beginning, or from now on. SetUpError where there is no such topic."""
        self.slots = [TopicPartition(topic, number) for topic in topics for number in range(self._number(topic))]
        self._consumer.assign(self.slots)
        be_patient(self._consumer)
        if at_the_end:
            ends = await self._consumer.end_offsets(self.slots)
            for slot, end in ends.items():
                self._consumer.seek(slot, end)
        else:
            await self._consumer.seek_to_beginning(*self.slots)

    def names(self, begin: str) -> list[str]:
        """The topics that there are whose names begin so."""
        return sorted(name for name in self._partitions if name.startswith(begin))

    def _number(self, topic: str) -> int:
        if topic not in self._partitions:
            raise SetUpError(f"there is no topic {topic}: run `stepdown topics apply`, or see its name with `doctor`")
        return self._partitions[topic]

    async def batch(self, wait_ms: int) -> list[ConsumerRecord]:
        """The next records of all partitions; none when none came in that time."""
        found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=MOST)
        return [record for part in found.values() for record in part]

    async def to_the_end(self, topic: str) -> AsyncIterator[list[ConsumerRecord]]:
        """Every record that the topic has now, in order within each partition. Raises Transient when it stops."""
        await self.begin([topic])
        ends = await self.ends()
        quiet = 0.0
        while [slot for slot in self.slots if await self._consumer.position(slot) < ends[slot]]:
            found = await self.batch(500)
            quiet = 0.0 if found else quiet + 0.5
            if quiet > PATIENCE:
                raise Transient(f"{topic} can't be read to its end; try again")
            if found:
                yield found

    async def ends(self, topics: Sequence[str] = ()) -> dict[TopicPartition, int]:
        """Where the partitions of these topics end; without any, of those being read."""
        slots = [TopicPartition(t, n) for t in topics for n in range(self._number(t))] if topics else self.slots
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(slots)
        return found

    async def left(self, slot: TopicPartition, offset: int, end: int) -> int:
        """How many records a partition has from an offset to its end; transaction marks are none.

        At most one batch is looked at: where there is more, it is a lag anyway. Nothing else is read afterwards.
        """
        if offset >= end:
            return 0
        self._consumer.assign([slot])
        be_patient(self._consumer)
        self._consumer.seek(slot, max(offset, 0))
        for _ in range(100):  # a mark alone wakes nobody who waits for records: so short waits, a second in all
            if found := await self.batch(10):
                return end - offset if len(found) >= MOST else len(found)
            if await self._consumer.position(slot) >= end:
                break
        return 0


@asynccontextmanager
async def reading(connect: dict[str, Any]) -> AsyncIterator[Reading]:
    """A look at the broker that these client arguments name. SetUpError where it is away."""
    admin = AIOKafkaAdminClient(**connect, request_timeout_ms=15000)
    consumer = AIOKafkaConsumer(
        **connect,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        retry_backoff_ms=20,
    )
    try:
        await admin.start()
        known = {found["topic"]: len(found["partitions"]) for found in await admin.describe_topics()}
        await consumer.start()
    except (KafkaError, OSError) as fault:
        await consumer.stop()
        raise SetUpError(f"the broker can't be reached ({type(fault).__name__}): is it running?") from None
    finally:
        await admin.close()
    try:
        yield Reading(consumer, known)
    except KafkaError as fault:
        raise Transient(f"the broker failed ({type(fault).__name__})") from None
    finally:
        await consumer.stop()
