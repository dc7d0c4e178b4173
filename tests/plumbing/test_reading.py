"""How many records come after a position, for many positions at once; on Apache Kafka in the slow tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

import shared.messaging.reading
from shared.messaging.reading import Reading, reading
from tests.databases import a_topic, make_topics

PARTITIONS, TOPICS = 8, 5


@pytest.fixture(scope="module")
async def topics(kafka: str) -> list[str]:
    """Five topics, in each partition three records of one transaction, which leaves a mark behind them."""
    made = [f"left-{uuid.uuid4().hex[:8]}" for _ in range(TOPICS)]
    await make_topics(kafka, made, PARTITIONS)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=made[0])
    await producer.start()
    async with producer.transaction():
        for topic in made:
            for number in range(3 * PARTITIONS):
                await producer.send(topic, b"x", partition=number % PARTITIONS)
    await producer.stop()
    return made


@pytest.fixture
async def looking(kafka: str) -> AsyncIterator[Reading]:
    async with reading({"bootstrap_servers": kafka}) as found:
        yield found


async def test_positions_before_a_mark_have_nothing_left_and_are_looked_at_together(
    looking: Reading, topics: list[str]
) -> None:
    places = [(TopicPartition(topic, number), 3) for topic in topics for number in range(PARTITIONS)]
    async with asyncio.timeout(10):  # by one partition after the other it took a second for each
        assert await looking.left(places, await looking.ends(topics)) == [0] * len(places)


async def test_each_of_several_readers_of_a_partition_has_its_own_number_left(
    looking: Reading, topics: list[str]
) -> None:
    here, there, anew = (TopicPartition(topics[0], number) for number in (0, 1, 2))
    places = [(here, 0), (here, 2), (here, 3), (there, 1), (here, 0), (anew, -1), (anew, 99)]
    assert await looking.left(places, await looking.ends(topics[:1])) == [3, 1, 0, 2, 3, 3, 0]


async def test_of_a_topic_that_nobody_reads_there_is_nothing_to_look_at(looking: Reading) -> None:
    assert await looking.left([], {}) == []


async def test_a_long_way_to_go_is_told_without_going_it(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.messaging.reading, "MOST", 50)
    topic, number = await a_topic(kafka, 1), 150
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    await asyncio.gather(*[await producer.send(topic, b"x", partition=0) for _ in range(number)])
    await producer.stop()
    slot = TopicPartition(topic, 0)
    async with reading({"bootstrap_servers": kafka}) as looking:
        places = [(slot, 0), (slot, 40), (slot, number - 2), (slot, number)]
        assert await looking.left(places, await looking.ends([topic])) == [number, number - 40, 2, 0]
