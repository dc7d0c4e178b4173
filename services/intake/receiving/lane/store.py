"""All SQL of the lane for long visits on hospital.adt: what waits there, in its order, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.tables import waiting_records
from shared.messaging.dead_letter_content import Content, given, opened, sealed
from shared.messaging.dead_letters import Parked, RawRecord
from shared.messaging.positions import Outcome, Slot
from shared.storage.database import Connection, Database
from shared.storage.row_writes import insert, update
from shared.storage.sealing import Seal
from shared.storage.statements import at_once, bytes_array, rows, written

_KEEP = insert(waiting_records, ("topic", "partition", "kafka_offset", "keys", "arrived_at", "sealed"), in_order=True)
_KEYS = "SELECT DISTINCT unnest(keys) AS key FROM waiting_records WHERE keys && $1::bytea[] AND outcome IS NULL"
_ANY = "SELECT EXISTS (SELECT FROM waiting_records) AS some"
_OLDEST = (
    "SELECT number, topic, partition, kafka_offset, keys, arrived_at, sealed FROM waiting_records "
    "WHERE outcome IS NULL ORDER BY number LIMIT $1 FOR UPDATE"
)
_DONE = update(waiting_records, ("number", "outcome", "sealed"))
_FORGET = (
    "DELETE FROM dead_letters WHERE consumer = $1 AND topic = $2 AND partition = $3 AND kafka_offset = $4 "
    "AND state = 'replayed'"
)
_TAKE_DONE = "DELETE FROM waiting_records WHERE outcome IS NOT NULL RETURNING topic, partition, outcome"


class Waiting(NamedTuple):
    """A record in the lane: as it came and when, and keyed hashes of its Kafka key and of the patient's ids in it.

    `number` is its order in the lane, 0 before it is stored.
    """

    record: RawRecord
    keys: frozenset[bytes]
    arrived_at: datetime
    number: int = 0

    @property
    def slot(self) -> Slot:
        """The partition that it came from."""
        return Slot(self.record.topic, self.record.partition)


async def keep(connection: Connection, waiting: Sequence[Waiting], seal: Seal) -> None:
    """Put records into the lane, encrypted and in their order, in the transaction that moves their position."""
    await at_once(connection, written(_KEEP, [_row(each, seal) for each in waiting]))


async def keys_waiting(connection: Connection, keys: Collection[bytes]) -> set[bytes]:
    """All keys of the waiting records that have one of these."""
    return {row["key"] for row in await rows(connection, _KEYS, list(keys))}


async def is_empty(database: Database) -> bool:
    """Whether no record is in the lane, waiting or to be counted."""
    [row] = await database.alone(_ANY)
    return not row["some"]


async def oldest(connection: Connection, most: int, seal: Seal) -> list[Waiting]:
    """At most `most` waiting records, the oldest first, locked; records that another process holds are waited for.
    Raises CannotOpen where one can't be decrypted."""
    return [_waiting(row, seal) for row in await rows(connection, _OLDEST, most)]


async def done(connection: Connection, outcomes: Mapping[int, Outcome]) -> None:
    """Note what came of records, by number, and delete their content."""
    await at_once(connection, written(_DONE, [(number, outcome, b"") for number, outcome in outcomes.items()]))


async def dead_again(connection: Connection, consumer: str, record: RawRecord) -> None:
    """Delete the dead letter whose replay brought a record here, so that the record can become one again."""
    await rows(connection, _FORGET, consumer, record.topic, record.partition, record.offset)


async def take_done(connection: Connection) -> list[tuple[Slot, Outcome]]:
    """Delete the records that are worked off, and return what came of each, for the counts."""
    return [(Slot(row["topic"], row["partition"]), row["outcome"]) for row in await rows(connection, _TAKE_DONE)]


def _row(each: Waiting, seal: Seal) -> tuple[str, int, int, str, datetime, bytes]:
    record = each.record
    content = Content(record.key, record.value, given(record.headers))
    blob = sealed(seal, _place(*each.slot, record.offset), content)
    return (*each.slot, record.offset, bytes_array(sorted(each.keys)), each.arrived_at, blob)


def _waiting(row: Sequence[Any], seal: Seal) -> Waiting:
    number, topic, partition, offset, keys, arrived_at, blob = row
    found = opened(seal, _place(topic, partition, offset), blob)
    record = Parked(topic, partition, offset, found.key, found.value, found.headers)
    return Waiting(record, frozenset(keys), arrived_at, number)


def _place(topic: str, partition: int, offset: int) -> str:
    return f"waiting:{topic}/{partition}/{offset}"
