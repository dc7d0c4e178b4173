"""Whatever a relay leaves open when it is killed, readers who go on from where they are miss nothing after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.messaging.relay import Relay
from shared.messaging.writer_names import AnotherWriter
from shared.messaging.writer_producer import named
from shared.storage.database import Database
from shared.storage.tables import relay_lease
from tests.databases import a_topic, everything
from tests.plumbing.test_relay import a_relay, commit, let_lapse, records, relaying, service, waiting
from tests.waiting import until

__all__ = ["service"]


class Reader:
    """One consumer that reads on and on, as a service does; `confluent-kafka` and the Java client do as it does."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer, self.found = consumer, list[ConsumerRecord]()

    async def has(self, numbers: Sequence[int]) -> bool:
        for part in (await self.consumer.getmany(timeout_ms=50)).values():
            self.found += part
        assert len(self.found) <= len(numbers)
        return [int(record.value) for record in self.found] == list(numbers)


@pytest.fixture
async def topic(kafka: str) -> str:
    return await a_topic(kafka, 1)


@pytest.fixture
async def reader(kafka: str, topic: str) -> Any:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="none")
    await consumer.start()
    slot = TopicPartition(topic, 0)
    consumer.assign([slot])
    consumer.seek(slot, 0)
    yield Reader(consumer)
    await consumer.stop()


async def dies_in_a_pass(relay: Relay, topic: str) -> None:
    """It sends, and neither commits nor aborts: as if it were killed."""
    producer = relay._producer
    assert producer is not None
    await producer.begin_transaction()
    await (await producer.send(topic, b"99", key=b"k0"))


async def names(database: Database) -> list[str]:
    query = sa.select(relay_lease.c.name).where(relay_lease.c.holder == "writes")
    async with database.read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_a_reader_that_was_there_before_misses_nothing_after_a_relay_was_killed_in_a_pass(
    kafka: str, database: Database, service: str, topic: str, reader: Reader
) -> None:
    first, second = a_relay(database, kafka, service), a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await first.once()
    await dies_in_a_pass(first, topic)
    await let_lapse(database)
    for start in (3, 6, 9):  # each read before the next is sent: no fetch has the killed one's end and what follows
        await commit(database, records(topic, range(start, start + 3)))
        await second.once()
        await until(lambda upto=start + 3: reader.has(range(upto)))  # type: ignore[misc]
    for one in (first, second):
        await one.stop()


async def test_a_reader_misses_nothing_after_a_pass_that_was_given_up(
    kafka: str, database: Database, service: str, topic: str, reader: Reader
) -> None:
    relay = a_relay(database, kafka, service)
    async with relaying(relay):
        await commit(database, records(topic, range(3)))
        await until(lambda: reader.has(range(3)))
        large = records(topic, [7], size=1 << 20)  # Kafka takes the one before it, then refuses it: the pass is aborted
        await commit(database, [*records(topic, [3]), *large])
        await until(lambda: reader.has(range(4)))
        for start in (4, 6):
            await commit(database, records(topic, range(start, start + 2)))
            await until(lambda upto=start + 2: reader.has(range(upto)))  # type: ignore[misc]


async def test_a_name_is_written_under_by_one_producer_only_and_forgotten_when_it_is_fenced(
    kafka: str, database: Database, service: str, topic: str
) -> None:
    used = []
    for number in range(3):
        relay = a_relay(database, kafka, service)
        await commit(database, records(topic, [number]))
        await relay.once()
        used += await names(database)
        await relay.stop()
    assert len(used) == len(set(used)) == 3
    assert all(name.startswith(f"stepdown-{service}-") for name in used)  # operators grant this prefix


async def test_what_several_dead_relays_left_open_holds_back_nobody(
    kafka: str, database: Database, service: str, topic: str
) -> None:
    first = a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await first.once()
    await dies_in_a_pass(first, topic)
    await a_relay(database, kafka, service)._names.enroll()  # this one died before it had fenced the first
    last = a_relay(database, kafka, service)
    await let_lapse(database)
    await commit(database, records(topic, range(3, 5)))
    await last.once()
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(5))
    assert len(await names(database)) == 1
    for one in (first, last):
        await one.stop()


async def test_a_relay_that_slept_before_it_began_writes_nothing_while_another_does(
    kafka: str, database: Database, service: str, topic: str
) -> None:
    slow, quick = a_relay(database, kafka, service), a_relay(database, kafka, service)
    name, _ = await slow._names.enroll()
    await commit(database, records(topic, range(2)))
    await quick.once()  # fences a name whose producer has not begun, which protects from nothing
    producer = named(slow.connect, name)
    await producer.start()
    with pytest.raises(AnotherWriter, match="another relay writes"):
        await slow._names.confirm(name)
    await producer.stop()
    await commit(database, records(topic, range(2, 4)))
    assert await quick.once() == 2
    assert await waiting(database) == 0
    for one in (slow, quick):
        await one.stop()


async def test_names_do_not_pile_up_while_the_broker_is_away(database: Database, service: str) -> None:
    relay = a_relay(database, "127.0.0.1:1", service)
    for _ in range(3):
        with pytest.raises(Exception, match=r"(?i)bootstrap|connect"):
            await relay.once()
        await relay._begin_anew()
    assert len(await names(database)) == 1
    await relay.stop()
