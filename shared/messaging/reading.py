"""Reads topics from outside: no consumer group, no stored position, committed records only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import SetUpError, Transient
from shared.messaging.broker_quirks import be_patient

MOST = 5000
"""Records in one batch."""
PATIENCE = 10.0
"""Seconds without a record before the end of a topic: then its end can't be read, by an open transaction perhaps."""

MOST_OFFSET = 2**63 - 1
Place = tuple[TopicPartition, int]
"""A partition, and the offset of the next record in it."""


class Reading:
    """A reader of some topics. Call `begin` with their names, then `batch` any number of times, or `to_the_end`."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: dict[str, int]) -> None:
        self._consumer, self._partitions = consumer, partitions
        self.slots: list[TopicPartition] = []

    async def begin(self, topics: Iterable[str], *, at_the_end: bool = False) -> None:
        """Read these topics from their beginning, or only new records. Raises SetUpError where a topic does not
        exist."""
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
        """The names of existing topics that start with `begin`."""
        return sorted(name for name in self._partitions if name.startswith(begin))

    def _number(self, topic: str) -> int:
        if topic not in self._partitions:
            raise SetUpError(f"there is no topic {topic}: run `stepdown topics apply`, or see its name with `doctor`")
        return self._partitions[topic]

    async def batch(self, wait_ms: int) -> list[ConsumerRecord]:
        """The next records of all partitions; empty when none came within `wait_ms` milliseconds."""
        found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=MOST)
        return [record for part in found.values() for record in part]

    async def to_the_end(self, topic: str) -> AsyncIterator[list[ConsumerRecord]]:
        """Every record that the topic has now, in order within each partition. Raises Transient when reading stalls."""
        await self.begin([topic])
        ends = await self.ends()
        quiet = 0.0
        while [slot for slot in self.slots if await self._consumer.position(slot) < ends[slot]]:
            found = await self.batch(50)  # a mark alone wakes nobody
            quiet = 0.0 if found else quiet + 0.05
            if quiet > PATIENCE:
                raise Transient(f"{topic} can't be read to its end; try again")
            if found:
                yield found

    async def ends(self, topics: Sequence[str] = ()) -> dict[TopicPartition, int]:
        """The end offsets of these topics' partitions; without any, of those being read."""
        slots = [TopicPartition(t, n) for t in topics for n in range(self._number(t))] if topics else self.slots
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(slots)
        return found

    async def left(self, places: Sequence[Place], ends: Mapping[TopicPartition, int]) -> list[int]:
        """How many records come after each of these places; transaction markers do not count.

        All partitions are read together, at most one batch of each: where there is more, it is a lag anyway. After this
        call nothing else can be read.
        """
        first: dict[TopicPartition, int] = {}
        for slot, offset in places:
            if offset < ends.get(slot, 0):
                first[slot] = min(max(offset, 0), first.get(slot, MOST_OFFSET))
        found = await self._offsets_from(first, ends)
        beyond = [place for place in places if _is_beyond(found.get(place[0], ()), place[1])]
        later = dict(zip(beyond, await self.left(beyond, ends), strict=True)) if beyond else {}
        return [later.get((slot, at), _left(found.get(slot, ()), at, ends.get(slot, 0))) for slot, at in places]

    async def _offsets_from(
        self, first: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, list[int]]:
        """The offsets of the records from there to the end of each partition, at most one batch."""
        if not first:
            return {}
        self._consumer.assign(list(first))
        be_patient(self._consumer)
        for slot, offset in first.items():
            self._consumer.seek(slot, offset)
        found: dict[TopicPartition, list[int]] = {slot: [] for slot in first}
        open_, quiet = set(first), 0
        while open_ and quiet < 100:  # a mark alone wakes nobody who waits for records: so short waits
            before = {slot: await self._consumer.position(slot) for slot in open_}
            for slot, records in (await self._consumer.getmany(timeout_ms=10, max_records=MOST)).items():
                found[slot] += [record.offset for record in records]
            now = {slot: await self._consumer.position(slot) for slot in open_}
            quiet = quiet + 1 if now == before else 0
            for slot in [slot for slot in open_ if now[slot] >= ends[slot] or len(found[slot]) >= MOST]:
                open_.discard(slot)
                self._consumer.pause(slot)
        return found


def _is_beyond(found: Sequence[int], offset: int) -> bool:
    """True when a batch that was read for another place in the partition ends before this one."""
    return len(found) >= MOST and found[-1] < offset


def _left(found: Sequence[int], offset: int, end: int) -> int:
    return max(end - offset, 0) if len(found) >= MOST else len(found) - bisect_left(found, offset)


@asynccontextmanager
async def reading(connect: dict[str, Any]) -> AsyncIterator[Reading]:
    """A reader connected with these client arguments. Raises SetUpError where the broker is unavailable."""
    admin = AIOKafkaAdminClient(**connect, request_timeout_ms=15000)
    consumer = AIOKafkaConsumer(
        **connect,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        retry_backoff_ms=20,
        fetch_max_wait_ms=100,  # Kafka answers a connection's requests in turn: another assignment waits for this one
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
