"""Dead letters: a sealed row with the original bytes, and a record on dead.<service> without any of the content."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidMessage, StepdownError
from shared.facts.envelope import Fact, Record, to_record
from shared.messaging import outbox
from shared.messaging.dead_letter_content import Content, given, sealed
from shared.messaging.positions import Tally
from shared.storage.sealing import Seal
from shared.storage.tables import dead_letters


class RawRecord(Protocol):
    """A record as the Kafka client gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class Parked:
    """A record that was parked earlier, for a dead letter when the current batch does not have it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


Failed = tuple[RawRecord, Exception | None]
LONGEST = 1_000_000
"""Bytes of a record that goes on dead.<service>: a longer one may not fit with the added headers (1 MiB)."""
_KEEP = insert(dead_letters).on_conflict_do_nothing()


async def bury(connection: AsyncConnection, consumer: str, topic: str, failed: Sequence[Failed], seal: Seal) -> None:
    """Store records that cannot be read or applied, sealed, inside the batch's transaction."""
    if not failed:
        return
    told = [(record, reason(fault)) for record, fault in failed]
    await connection.execute(_KEEP, [_row(consumer, record, why, seal) for record, why in told])
    await outbox.send(connection, [_letter(topic, record, why) for record, why in told])


def reason(fault: Exception | None) -> str:
    """What may be said of an exception: its text if it is one of the project's, else only its class."""
    return str(fault) if isinstance(fault, StepdownError) else f"unforeseen {type(fault).__name__}"


def _row(consumer: str, record: RawRecord, why: str, seal: Seal) -> dict[str, Any]:
    letter = uuid.uuid4().hex
    return {
        "id": letter,
        "consumer": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "kafka_offset": record.offset,
        "sealed": sealed(seal, letter, Content(record.key, record.value, given(record.headers))),
        "size": len(record.value or b""),
        "error": why,
        "attempts": 1,
    }


def _letter(topic: str, record: RawRecord, why: str) -> Record:
    origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
    added = [("x-error", why.encode()), ("x-origin", origin), ("x-attempts", b"1")]
    given = [(name, value or b"") for name, value in record.headers]
    if len(record.value or b"") + sum(len(name) + len(value) for name, value in given) > LONGEST:
        added[0] = ("x-error", f"{why} (too long to be sent again: its bytes are in the service's database)".encode())
        return Record(topic, record.key or b"", b"", added)
    return Record(topic, record.key or b"", record.value, [*given, *added])


def refused(records: Sequence[RawRecord], tally: Tally) -> list[Failed]:
    """The records that the handler refused, with their original bytes; for parked ones, the bytes stored with them."""
    if not tally.refused:
        return []
    known = {_place(record): record for record in records}
    return [
        (known.get((*one.slot, one.offset)) or Parked(*one.slot, one.offset, one.key, *_bytes(one.fact)),
         InvalidMessage(why))
        for one, why in tally.refused
    ]  # fmt: skip


def _bytes(fact: Fact) -> tuple[bytes, list[tuple[str, bytes]]]:
    record = to_record(fact, "")
    return record.value or b"", record.headers


def _place(record: RawRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
