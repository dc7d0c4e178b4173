"""What Kafka has now: its topics with their ids and ends, and how far a service has told on ops.writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import InvalidMessage, SetUpError, Transient
from shared.messaging.broker_quirks import ask, be_patient
from shared.messaging.topic_ids import EveryTopic, metadata_in
from shared.messaging.written import WRITERS_TOPIC, Place, Written, partition_for, told_in
from shared.values import value_object

_PATIENCE = 15.0
"""Seconds in which one look has to be done."""
_QUIET = 20
"""Looks of 50 ms in which nothing comes, after which the rest belongs to a transaction that is open."""


@value_object
class Ends:
    """The offset of a partition's first record that is still there, and the one after its last."""

    first: int
    end: int


@value_object
class TopicNow:
    """A topic: Kafka's id of it (None where the broker has none), and the ends of its partitions, by number."""

    topic_id: str | None
    partitions: tuple[Ends, ...]


@value_object
class TopicsNow:
    """What Kafka has now. `told`: by partition, how far the service has written by ops.writers, as far as its records
    there were read. `settled`: no transaction is open there; else `told` may lack what will be committed yet."""

    cluster_id: str | None
    topics: Mapping[str, TopicNow]
    told: Mapping[Place, Written]
    settled: bool = True


class Looking:
    """Looks at Kafka any number of times, for one service. Reads in no group and stores no position."""

    def __init__(self, consumer: AIOKafkaConsumer, service: str, connect: Mapping[str, Any]) -> None:
        self._consumer, self._service, self._connect = consumer, service, connect

    async def look(self, topics: Iterable[str], told_from: int | None = 0) -> TopicsNow:
        """These topics as they are now; those that do not exist are left out.

        `told_from`: the offset from which the service's records on ops.writers are read; None: not at all. Raises
        Transient where the broker does not answer, SetUpError where it is too old.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._look(topics, told_from)
        except NotImplementedError:
            raise SetUpError("this broker is older than Apache Kafka 3.1: it has no ids of topics") from None
        except (KafkaError, OSError, TimeoutError) as fault:
            raise Transient(f"the broker can't be asked ({type(fault).__name__})") from None

    async def _look(self, topics: Iterable[str], told_from: int | None) -> TopicsNow:
        found = metadata_in(await ask(self._consumer, EveryTopic()))
        if unclear := found.unclear & {*topics, WRITERS_TOPIC}:
            raise Transient(f"the broker can't tell of {', '.join(sorted(unclear))}")
        wanted = {*topics, WRITERS_TOPIC} & {*found.topics}
        slots = [TopicPartition(name, number) for name in sorted(wanted) for number in range(found.topics[name][1])]
        first = await self._consumer.beginning_offsets(slots) if slots else {}
        end = await self._consumer.end_offsets(slots) if slots else {}
        now = {
            name: TopicNow(found.topics[name][0], tuple(Ends(first[s], end[s]) for s in slots if s.topic == name))
            for name in wanted
        }
        if told_from is None or WRITERS_TOPIC not in now:
            return TopicsNow(found.cluster_id, now, {})
        number = partition_for(self._service, len(now[WRITERS_TOPIC].partitions))
        told, settled = await self._told(number, told_from, now[WRITERS_TOPIC].partitions[number])
        return TopicsNow(found.cluster_id, now, told, settled)

    async def _told(self, number: int, start: int, ends: Ends) -> tuple[dict[Place, Written], bool]:
        """The last record of each of the service's keys from there on; whether all up to the end could be read."""
        slot, told = TopicPartition(WRITERS_TOPIC, number), dict[Place, Written]()
        if max(start, ends.first) >= ends.end:
            return told, True
        async with _started(self._connect, "read_committed") as consumer:
            consumer.assign([slot])
            be_patient(consumer)
            consumer.seek(slot, max(start, ends.first))
            quiet = 0
            while (at := await consumer.position(slot)) < ends.end and quiet < _QUIET:  # a mark alone wakes nobody
                for record in (await consumer.getmany(slot, timeout_ms=50)).get(slot, ()):
                    _take(told, self._service, record.value)
                quiet = quiet + 1 if await consumer.position(slot) == at else 0
            return told, await consumer.position(slot) >= ends.end


def _take(told: dict[Place, Written], service: str, value: bytes | None) -> None:
    try:
        whose, place, count = told_in(value)
    except InvalidMessage:
        return  # nobody's count
    if whose == service:
        told[place] = count


@asynccontextmanager
async def looking(connect: Mapping[str, Any], service: str) -> AsyncIterator[Looking]:
    """Look at Kafka with these client arguments. Raises Transient where the broker can't be reached."""
    async with _started(connect, "read_uncommitted") as consumer:  # what is not committed is there all the same
        yield Looking(consumer, service, connect)


@asynccontextmanager
async def _started(connect: Mapping[str, Any], isolation_level: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connect,
        isolation_level=isolation_level,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        retry_backoff_ms=20,
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
    except (KafkaError, OSError) as fault:
        await consumer.stop()
        raise Transient(f"the broker can't be reached ({type(fault).__name__})") from None
    try:
        yield consumer
    finally:
        await consumer.stop()
