"""Of what is fetched together, one transaction takes so many records, and meanwhile the next are decoded."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
from faststream.kafka import KafkaBroker

from shared.errors import InvalidMessage, Transient
from shared.facts.envelope import Fact
from shared.messaging.dead_letters import RawRecord
from shared.messaging.handlers import Outcomes, Records, Transaction
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Database, copy_rows
from shared.storage.tables import dead_letters
from tests.databases import a_topic, produce
from tests.plumbing.test_subscription import LEDGER, a_record, handled
from tests.waiting import until

MOST, FETCHED = 10, 40


class Reader:
    """Counts what is decoded; writes each record into the ledger, after `meanwhile` was waited for."""

    def __init__(self, meanwhile: Callable[[Reader], Awaitable[None]]) -> None:
        self.meanwhile = meanwhile
        self.decoded = 0
        self.batches: list[int] = []

    def decode(self, record: RawRecord) -> Fact:
        self.decoded += 1
        return decode_fact(record)


@asynccontextmanager
async def reading(kafka: str, database: Database, topic: str, reader: Reader) -> AsyncIterator[None]:
    group, broker = f"svc-{uuid.uuid4().hex[:8]}", KafkaBroker(kafka, allow_auto_create_topics=False)
    subscription = Subscription(group, topic, database, decode=reader.decode, most=MOST)

    @subscription.router.subscriber(topic, group_id=f"stepdown-{group}", max_records=FETCHED, **subscription.options)
    async def on_records(batch: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        await reader.meanwhile(reader)
        reader.batches.append(len(batch))
        for each in batch:
            tally.add(each.slot, "applied")
        await copy_rows(connection, LEDGER, ("ce_id", "topic_partition", "k"), [(i.fact.id, 0, "k") for i in batch])

    broker.include_router(subscription.router)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


async def in_order(database: Database, number: int) -> bool:
    return await handled(database) == [f"id{n}" for n in range(number)]


async def test_the_next_records_are_decoded_while_a_transaction_is_under_way(kafka: str, database: Database) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(FETCHED)])

    async def until_the_next_are_decoded(reader: Reader) -> None:
        async def are_decoded() -> bool:
            return reader.decoded == min(sum(reader.batches) + 2 * MOST, FETCHED)

        await until(are_decoded)

    reader = Reader(until_the_next_are_decoded)
    async with reading(kafka, database, topic, reader):
        await until(lambda: in_order(database, FETCHED))
    assert reader.batches == [MOST] * 4


async def test_what_is_away_in_the_second_transaction_leaves_the_first_as_it_is(kafka: str, database: Database) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(FETCHED)])
    failed: list[int] = []

    async def away_once(reader: Reader) -> None:
        await asyncio.sleep(0)
        if len(reader.batches) == 1 and not failed:
            failed.append(len(await handled(database)))
            raise Transient("the database can't be reached")

    async with reading(kafka, database, topic, Reader(away_once)):
        await until(lambda: in_order(database, FETCHED))
    assert failed == [MOST]


async def test_a_record_of_the_second_transaction_that_cannot_be_read_is_a_dead_letter(
    kafka: str, database: Database
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(FETCHED)])

    class Choosy(Reader):
        def decode(self, record: RawRecord) -> Fact:
            found = super().decode(record)
            if found.id == "id15":
                raise InvalidMessage("it is not wanted")
            return found

    async def nothing(_: Reader) -> None: ...

    async def all_but_one() -> bool:
        return len(await handled(database)) == FETCHED - 1

    async with reading(kafka, database, topic, Choosy(nothing)):
        await until(all_but_one)
    async with database.read() as connection:
        assert (await connection.execute(sa.select(dead_letters.c.kafka_offset))).scalars().all() == [15]
