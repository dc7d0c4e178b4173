"""Record batches: what Kafka's own clients read of them, and what they use of aiokafka's private parts."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiokafka.producer import AIOKafkaProducer, message_accumulator
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, TopicPartition

from shared.facts.envelope import Record
from shared.messaging import outbox
from shared.messaging.record_batches import (
    LARGEST,
    MANY,
    RecordBatch,
    SendableBatch,
    StampedRecord,
    batches,
    joined,
    records_in,
)
from shared.messaging.relay import Relay
from shared.storage.database import Database
from tests.databases import a_topic

LZ4 = 3


def stamped(numbers: Sequence[int], size: int = 20) -> list[StampedRecord]:
    """Numbered records of one partition, each with another time; every seventh deletes its key."""
    return [
        StampedRecord(
            1_700_000_000_000 + (n * 7919) % 5000,
            b"k%d" % (n % 3),
            b"%d " % n * size if n % 7 else None,
            [("ce_id", b"id%d" % n), ("b\u00e4d", b"\xff\x00"), ("none", b"")][: n % 4],
        )
        for n in numbers
    ]


def codec_of(batch: RecordBatch) -> int:
    return int(DefaultRecordBatch(batch.content).compression_type)


@pytest.mark.parametrize(("number", "codec"), [(1, 0), (5, 0), (500, LZ4)])
def test_what_was_put_into_a_batch_comes_out_of_it(number: int, codec: int) -> None:
    given = stamped(range(number))
    (batch,) = batches(given)
    assert batch.records == number
    assert codec_of(batch) == codec
    assert records_in(batch.content) == given


def test_no_batch_is_larger_than_the_largest_and_their_order_is_that_of_the_records() -> None:
    given = [*stamped(range(20), size=30_000), StampedRecord(1, b"k", b"x" * LARGEST, []), *stamped(range(20, 23))]
    made = list(batches(given))
    assert [each.fits for each in made] == [True] * (len(made) - 2) + [False, True]
    fitting = [one for each in made if each.fits for one in records_in(each.content)]
    assert fitting == [*given[:20], *given[21:]]
    sizes = [sum(DefaultRecordBatchBuilder.size_of(*one[1:]) for one in records_in(each.content)) for each in made[:2]]
    assert [each.records for each in made] == [17, 3, 1, 3]
    assert sizes[0] <= LARGEST < sum(sizes)


def test_short_batches_that_follow_each_other_are_sent_as_one_and_long_ones_as_they_are() -> None:
    given = stamped(range(4 * MANY))
    parts: list[RecordBatch | StampedRecord] = []
    for first, last in ((0, 2), (2, MANY), (MANY, 2 * MANY + 5), (2 * MANY + 5, 2 * MANY + 6)):
        parts += batches(given[first:last])
    made = list(joined([*parts, *given[2 * MANY + 6 :]]))
    assert [each.records for each in made] == [MANY, MANY + 5, 2 * MANY - 5]
    assert made[1] is parts[2]
    assert [one for each in made for one in records_in(each.content)] == given
    assert list(joined(parts[:1])) == parts[:1], "one by itself stays as it is"


@pytest.mark.parametrize("known", [2, 3])
async def test_another_client_reads_the_same_keys_values_headers_and_times_in_their_order(
    kafka: str, database: Database, known: int
) -> None:
    topic = await a_topic(kafka, 2)
    relay = Relay(database, "intake", {"bootstrap_servers": kafka}, partitions=known)
    given = [Record(topic, *one[1:3], list(one[3])) for one in stamped(range(700))]
    for first, last in ((0, 1), (1, 3), (3, 600), (600, 700)):
        async with database.begin() as connection:
            await outbox.send(connection, given[first:last])
            rows = (await connection.exec_driver_sql("SELECT * FROM outbox ORDER BY id")).mappings().all()
    written = [one for row in rows for one in outbox.records_of(row)]
    await relay.once()
    await relay.stop()
    found = list(read_by_librdkafka(kafka, topic, len(given)))
    for key in (b"k0", b"k1", b"k2"):
        own = [one for one in written if one.key == key]
        assert [one for one in found if one.key == key] == own
        assert [(key, one.value, one.headers) for one in own] == [tuple(r[1:]) for r in given if r.key == key]


def read_by_librdkafka(kafka: str, topic: str, number: int) -> Iterator[StampedRecord]:
    """The committed records of a topic of two partitions."""
    given = {"bootstrap.servers": kafka, "group.id": uuid.uuid4().hex, "check.crcs": True}
    reader = Consumer(given | {"isolation.level": "read_committed", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, partition, 0) for partition in (0, 1)])
    try:
        for _ in range(number):
            record: Any = reader.poll(20)
            assert record is not None
            assert record.error() is None
            kind, at = record.timestamp()
            assert kind == TIMESTAMP_CREATE_TIME
            yield StampedRecord(at, record.key(), record.value(), record.headers() or [])
        assert reader.poll(0.2) is None
    finally:
        reader.close()


def test_aiokafkas_producer_asks_of_a_batch_what_ours_has() -> None:
    """Once it takes bytes for a batch, `SendableBatch` can go."""
    asked = inspect.getsource(MessageBatch) + inspect.getsource(MessageAccumulator)
    names = {"_set_producer_state", "_build", "record_count", "closed", "close", "size"}
    used = {name for name in dir(BatchBuilder) if f"_builder.{name}(" in asked}
    assert used - {"append"} <= names <= set(dir(SendableBatch)) & set(dir(BatchBuilder))
    assert "BatchBuilder" in inspect.getsource(message_accumulator)
    assert list(inspect.signature(AIOKafkaProducer.send_batch).parameters) == ["self", "batch", "topic", "partition"]
    state = inspect.signature(BatchBuilder._set_producer_state).parameters
    assert list(state) == list(inspect.signature(SendableBatch._set_producer_state).parameters)


@pytest.mark.parametrize("number", [3, 300])
def test_a_batch_of_a_transaction_is_the_same_as_aiokafkas_own(number: int) -> None:
    given = [StampedRecord(1_700_000_000_000 + n, b"k", b"%d" % n, [("a", b"b")]) for n in range(number)]
    (batch,) = batches(given)
    ours = SendableBatch(batch)
    ours._set_producer_state(77, 5, 1234)
    theirs = BatchBuilder(LARGEST, 0, is_transactional=1)
    for one in given:
        theirs.append(timestamp=one.at, key=one.key, value=one.value, headers=one.headers)
    theirs._set_producer_state(77, 5, 1234)
    if number == 3:
        assert ours._build() == theirs._build()
    read, expected = DefaultRecordBatch(bytes(ours._build())), DefaultRecordBatch(bytes(theirs._build()))
    for name in ("magic", "is_transactional", "producer_id", "producer_epoch", "base_sequence", "last_offset_delta",
                 "first_timestamp", "max_timestamp", "timestamp_type", "is_control_batch"):  # fmt: skip
        assert getattr(read, name) == getattr(expected, name), name
    assert read.validate_crc()
    assert (ours.size(), ours.record_count(), ours.closed()) == (len(ours._build()), number, True)
    assert records_in(bytes(ours._build())) == given
