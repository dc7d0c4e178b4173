"""Each record of the outbox goes where its key is now, in its order, or is put aside: whatever it was written for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from shared.facts.envelope import Record
from shared.messaging import relay as sending
from shared.messaging.dead_letter_content import Content
from shared.messaging.dead_letter_desk import content_of
from shared.messaging.record_batches import RecordBatch, records_in
from shared.messaging.stored_headers import packed
from shared.messaging.writer_producer import deliver
from shared.storage.database import Database
from shared.storage.statements import rows
from shared.storage.tables import dead_letters
from tests.databases import a_database, a_topic, everything, migrate
from tests.plumbing.test_relay import a_relay, by_key, commit, is_empty, records, relaying, service, waiting
from tests.servers import DatabaseServer
from tests.waiting import until

__all__ = ["service"]


async def test_what_kafka_refuses_though_it_was_small_enough_for_us_is_put_aside_alone_and_the_order_stays(
    kafka: str, database: Database, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)

    async def refusing(producer: Any, topic: str, partition: int, parts: Iterable[RecordBatch]) -> int:
        together = list(parts)
        if any(record.value in {b"3", b"4", b"12"} for each in together for record in records_in(each.content)):
            raise MessageSizeTooLargeError
        return await deliver(producer, topic, partition, together)

    monkeypatch.setattr(sending, "deliver", refusing)
    relay = a_relay(database, kafka, service)
    for first in (0, 10, 20):
        await commit(database, records(topic, range(first, first + 10), keys=1))
    await commit(database, records(topic, [12], keys=1))
    async with relaying(relay):
        await until(lambda: is_empty(database))
    assert [int(one.value) for one in await everything(kafka, topic)] == [n for n in range(30) if n not in {3, 4, 12}]
    async with database.read() as connection:
        letters = (await connection.execute(sa.select(dead_letters).order_by(dead_letters.c.kafka_offset))).all()
    assert [content_of(letter, relay.outgoing.seal).value for letter in letters] == [b"3", b"4", b"12", b"12"]
    assert {letter.consumer for letter in letters} == {f"{service}.outbox"}


async def test_of_a_topic_that_allows_less_than_we_do_only_what_is_too_large_by_itself_is_put_aside(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1, max_message_bytes="4000")
    noise = [Record(topic, b"k", os.urandom(5000 if n == 7 else 500), [("n", b"%d" % n)]) for n in range(20)]
    relay = a_relay(database, kafka, service)
    await commit(database, noise[:12])
    await commit(database, noise[12:])
    async with relaying(relay):
        await until(lambda: is_empty(database))
    found = [record.value for record in await everything(kafka, topic)]
    assert found == [one.value for n, one in enumerate(noise) if n != 7]
    async with database.read() as connection:
        letter = (await connection.execute(sa.select(dead_letters))).one()
    assert content_of(letter, relay.outgoing.seal).value == noise[7].value


@pytest.mark.parametrize("known", [1, 2, 5])
async def test_each_record_goes_where_its_key_is_now_though_the_topic_had_other_partitions_when_it_was_written(
    kafka: str, database: Database, service: str, known: int
) -> None:
    topic = await a_topic(kafka, 3)
    relay = a_relay(database, kafka, service, partitions=known)
    await commit(database, records(topic, range(300)))
    await commit(database, records(topic, range(300, 310)))
    await relay.once()
    await commit(database, records(topic, range(310, 400)))
    await relay.once()
    await relay.stop()
    found = await everything(kafka, topic)
    assert {(one.key, one.partition) for one in found} == {
        (b"k%d" % n, DefaultPartitioner()(b"k%d" % n, [0, 1, 2], [0, 1, 2])) for n in range(5)
    }
    assert all(order == list(range(int(key[1:]), 400, 5)) for key, order in by_key(found).items())


@pytest.mark.parametrize(("name", "before"), [("intake", "0001"), ("placement", "0001"), ("aftercare", "0001")])
async def test_rows_of_the_first_version_go_out_before_those_written_after_the_upgrade(
    kafka: str, postgres: DatabaseServer, name: str, before: str
) -> None:
    topic = await a_topic(kafka, 3)
    async with a_database(postgres.url) as database:
        await migrate(database, name, before)
        async with database.begin() as connection:
            for one in records(topic, range(20)):
                await rows(
                    connection,
                    "INSERT INTO outbox (topic, key, value, headers) VALUES ($1, $2, $3, $4)",
                    *(one.topic, one.key, one.value, packed(one.headers)),
                )
            await rows(connection, "INSERT INTO outbox (topic, key, headers) VALUES ($1, 'gone', '[]')", topic)
            large = "INSERT INTO outbox (topic, key, value, headers) VALUES ($1, 'large', $2, '[]')"
            await rows(connection, large, topic, b"9" * (1 << 20))
        await migrate(database, name)
        relay = a_relay(database, kafka, name, partitions=3)
        await commit(database, records(topic, range(20, 40)))
        assert await waiting(database) == 42
        async with relaying(relay):
            await until(lambda: is_empty(database))
        async with database.read() as connection:
            letter = (await connection.execute(sa.select(dead_letters))).one()
        assert content_of(letter, relay.outgoing.seal) == Content(b"large", b"9" * (1 << 20), [])
    found = await everything(kafka, topic)
    (deleted,) = [one for one in found if one.key == b"gone"]
    assert (deleted.value, deleted.headers) == (None, ())
    kept = [one for one in found if one.key != b"gone"]
    assert all(order == list(range(int(key[1:]), 40, 5)) for key, order in by_key(kept).items())
    assert kept[0].headers == (("ce_id", b"id" + kept[0].value), ("ce_sequence", kept[0].value))
