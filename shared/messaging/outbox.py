"""The outbox: outgoing records stored in the same transaction as the state, as record batches ready to be sent.

A transaction writes one row for each partition that it has records for (several where they are larger than one batch),
in the order of its records. The relay sends them (relay.py). A row of the first version is one record: it has key,
value and headers, and no batch.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import spans
from shared.facts.envelope import Record
from shared.messaging.dead_letter_content import Content, given, sealed
from shared.messaging.record_batches import (
    RecordBatch,
    StampedRecord,
    batches,
    joined,
    partition_of,
    records_in,
)
from shared.messaging.stored_headers import unpacked
from shared.messaging.written import Place
from shared.storage.database import Database, copy_rows, database_of
from shared.storage.sealing import Seal
from shared.storage.statements import Append, SqlWrite, Writes, at_once, rows
from shared.storage.tables import outbox

log = logging.getLogger(__name__)

_COLUMNS = ("topic", "partition", "partitions", "records", "batch")
_STORED = "SELECT topic, partition, partitions, records, batch, key, value, headers FROM outbox ORDER BY id"
_BEFORE_ALL = (  # one at a time: two that tell again would take the same numbers
    "SELECT least(0, (SELECT min(id) FROM outbox)) AS id FROM pg_advisory_xact_lock(7305129412)"
)
_UNSENT = sa.select(outbox.c.topic, sa.func.sum(outbox.c.records)).group_by(outbox.c.topic)
_PUT_ASIDE = (  # numbered as a row would be: a dead letter's place is unique
    "INSERT INTO dead_letters (id, consumer, topic, partition, kafka_offset, sealed, size, error, attempts) "
    "VALUES ($1::text, $2::text, $3::text, -1, nextval(pg_get_serial_sequence('outbox', 'id')), $4::bytea, $5::integer,"
    " $6::text, 1)"
)
NOT_TAKEN = "Kafka does not take it: it is larger than the topic or the relay allows"


@dataclass(slots=True)
class Outgoing:
    """What the writers of a process know of where its records go.

    `partitions`: topic → the number of its partitions, as the relay of this process last saw it; `usual` is taken for
    others. Where a number is not true any more, the relay sends each record to the partition that its key has now.
    """

    service: str = "stepdown"
    seal: Seal = field(default_factory=Seal.of_this_process)
    usual: int = 1
    partitions: dict[str, int] = field(default_factory=dict)

    def of(self, topic: str) -> int:
        """The number of a topic's partitions."""
        return self.partitions.get(topic, self.usual)

    def put_aside(self, topic: str, record: StampedRecord) -> SqlWrite:
        """A record that is too large, as a dead letter of `<service>.outbox`, partition -1."""
        log.error("kafka does not take a record", extra={"service": self.service, "topic": topic})
        letter, size = uuid.uuid4().hex, len(record.value or b"")
        blob = sealed(self.seal, letter, Content(record.key, record.value, given(record.headers)))
        return SqlWrite(_PUT_ASIDE, (letter, f"{self.service}.outbox", topic, blob, size, NOT_TAKEN))


def outgoing_of(database: Database) -> Outgoing:
    """What the writers to this database know; without a relay, a topic has one partition."""
    if database.outgoing is None:
        database.outgoing = Outgoing()
    found: Outgoing = database.outgoing
    return found


async def send(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Add records to the outbox, in their order, inside the caller's transaction. One that is too large becomes a dead
    letter."""
    await at_once(connection, sending(connection, records))


def sending(connection: AsyncConnection, records: Sequence[Record]) -> Writes:
    """The same as writes that can be done together with others (statements.py)."""
    if not records:
        return []
    spans.sent(records)
    kept, aside = _packed(connection, records)
    return [Append(outbox, _COLUMNS, kept), *aside]


async def send_first(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Add records that are told again before all that wait in the outbox, in their order: what waits may follow them.

    They get numbers below 0, which the outbox gives nobody else.
    """
    if not records:
        return
    kept, aside = _packed(connection, records)
    [first] = await rows(connection, _BEFORE_ALL)
    numbered = [(first["id"] - len(kept) + nth, *row) for nth, row in enumerate(kept)]
    await copy_rows(connection, outbox, ("id", *_COLUMNS), numbered)
    await at_once(connection, aside)


def _packed(connection: AsyncConnection, records: Sequence[Record]) -> tuple[list[tuple[Any, ...]], Writes]:
    """The rows for these records, and the dead letters of those that are too large."""
    known, now = outgoing_of(database_of(connection)), time.time_ns() // 1_000_000
    partitions = {topic: known.of(topic) for topic in {record.topic for record in records}}
    parts: dict[Place, list[StampedRecord]] = defaultdict(list)
    for topic, key, value, headers in records:
        parts[topic, partition_of(key, partitions[topic])].append(StampedRecord(now, key, value, headers))
    kept: list[tuple[Any, ...]] = []
    aside: Writes = []
    for (topic, partition), part in parts.items():
        number = 0
        for batch in batches(part):
            if batch.fits:
                kept.append((topic, partition, partitions[topic], batch.records, batch.content))
            else:
                aside.append(known.put_aside(topic, part[number]))
            number += batch.records
    return kept, aside


async def stored(connection: AsyncConnection) -> list[Record]:
    """The records that wait in the outbox: those of a partition in the order in which they will be on Kafka."""
    return [
        Record(row["topic"], record.key, record.value, list(record.headers))
        for row in await rows(connection, _STORED)
        for record in records_of(row)
    ]


async def unsent(connection: AsyncConnection) -> Counter[str]:
    """Topic → how many records for it wait in the outbox."""
    return Counter({topic: int(number) for topic, number in (await connection.execute(_UNSENT)).all()})


def records_of(row: Any) -> list[StampedRecord]:
    """The records of a row; one of the first version has the time of this call."""
    if row["batch"] is not None:
        return records_in(row["batch"])
    return [StampedRecord(time.time_ns() // 1_000_000, row["key"], row["value"], unpacked(row["headers"]))]


def by_partition(found: Sequence[Any], partitions: Mapping[str, int]) -> dict[Place, Iterator[RecordBatch]]:
    """The record batches to be sent to each partition, in the order of the rows.

    `partitions`: topic → the number of its partitions now. A row that was written for another number is split anew.
    """
    parts: dict[Place, list[RecordBatch | StampedRecord]] = defaultdict(list)
    for row in found:
        topic, number = row["topic"], partitions[row["topic"]]
        if row["partitions"] == number:
            parts[topic, row["partition"]].append(RecordBatch(row["records"], row["batch"]))
        else:
            for record in records_of(row):
                parts[topic, partition_of(record.key, number)].append(record)
    return {place: joined(part) for place, part in parts.items()}
