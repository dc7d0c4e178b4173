"""How far a consumer is behind: in every partition of its topic, read or not, and 0 when nothing is left to read."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.messaging.lag import STANDS_SECONDS, Lag
from shared.messaging.subscription import Subscription
from shared.storage.database import Database
from tests.databases import a_topic
from tests.plumbing.test_subscription import Handler, RawRecord, _count_is, a_record, reading
from tests.waiting import until


async def committed(kafka: str, topic: str, records: list[RawRecord]) -> None:
    """Send records in a transaction, as the relay does: each partition that it wrote to ends in a mark."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=uuid.uuid4().hex)
    await producer.start()
    try:
        async with producer.transaction():
            for number, (key, value, headers) in enumerate(records):
                await producer.send(topic, value, key=key, headers=headers, partition=number % 2)
    finally:
        await producer.stop()


async def behind(subscription: Subscription, kafka: str) -> int:
    """What it says now."""
    await subscription.lags.look({"bootstrap_servers": kafka})
    return subscription.lags.lag.records


async def test_marks_of_transactions_are_nothing_to_be_behind_of(kafka: str, database: Database) -> None:
    topic, group = await a_topic(kafka, 2), f"svc-{uuid.uuid4().hex[:8]}"
    async with reading(kafka, database, topic, Handler(), group) as subscription:
        await committed(kafka, topic, [a_record(n) for n in range(10)])
        await until(lambda: _count_is(database, 10))
        await until(lambda: _is_zero(subscription, kafka))
        consumer = subscription.places.subscriber.consumer
        assert consumer is not None
        ends = await consumer.end_offsets([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        assert sum(ends.values()) > sum(position.next_offset for position in subscription.places.at.values())


async def _is_zero(subscription: Subscription, kafka: str) -> bool:
    return await behind(subscription, kafka) == 0


@asynccontextmanager
async def a_member_that_reads_nothing(kafka: str, topic: str, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Another process of the same service, which hangs: it has partitions, and no batch of it is ever done."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, group_id=f"stepdown-{group}", enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@pytest.mark.slow
async def test_a_partition_that_nobody_reads_counts_and_is_told(kafka: str, database: Database) -> None:
    topic, group = await a_topic(kafka, 2), f"svc-{uuid.uuid4().hex[:8]}"
    async with (
        reading(kafka, database, topic, Handler(), group) as subscription,
        a_member_that_reads_nothing(kafka, topic, group) as hangs,
    ):
        await until(lambda: len(subscription.places.at) == 1 and len(hangs.assignment()) == 1)
        ((_, mine),) = subscription.places.at
        await committed(kafka, topic, [a_record(n) for n in range(10)])
        await until(lambda: _count_is(database, 5))
        await until(lambda: _is(subscription, kafka, 5))
        assert subscription.lags.unread() is None
        assert subscription.lags.lag.unread({mine}, time.monotonic() + STANDS_SECONDS + 1) == [1 - mine]


async def _is(subscription: Subscription, kafka: str, number: int) -> bool:
    return await behind(subscription, kafka) == number


LATER = STANDS_SECONDS + 1
SEEN = [  # what is left, where they stand, ours, when … → who is told at the end
    ("moves", [({0: 5, 1: 5}, {0: 1, 1: 1}, 0), ({0: 4, 1: 4}, {0: 2, 1: 2}, LATER)], {0}, []),
    ("nothing left", [({0: 0, 1: 0}, {0: 1, 1: 1}, 0), ({0: 0, 1: 0}, {0: 1, 1: 1}, LATER)], {0}, []),
    ("another's stands", [({0: 0, 1: 5}, {0: 1, 1: 1}, 0), ({0: 0, 1: 5}, {0: 9, 1: 1}, LATER)], {0}, [1]),
    ("it stood, and goes on", [({1: 5}, {1: 1}, 0), ({1: 5}, {1: 1}, 40), ({1: 5}, {1: 2}, LATER)], {0}, []),
    ("ours waits for its turn", [({0: 5, 1: 5}, {0: 1, 1: 1}, 0), ({0: 5, 1: 5}, {0: 1, 1: 9}, LATER)], {0, 1}, []),
    ("ours stand", [({0: 5, 1: 5}, {0: 1, 1: 1}, 0), ({0: 5, 1: 5}, {0: 1, 1: 1}, LATER)], {0, 1}, [0, 1]),
    ("just come", [({0: 0}, {0: 1}, 0), ({0: 5}, {0: 1}, LATER)], {0}, []),
]


@pytest.mark.parametrize(("seen", "mine", "told"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
def test_who_reads_nothing_is_told_after_a_while(
    seen: list[tuple[dict[int, int], dict[int, int], float]], mine: set[int], told: list[int]
) -> None:
    lag = Lag()
    for left, places, now in seen:
        lag.see(left, places, mine, now)
    assert lag.unread(mine, seen[-1][2]) == told
    assert lag.records == sum(seen[-1][0].values())
