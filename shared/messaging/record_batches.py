"""Kafka's record batches: records as the bytes that a producer sends to a partition. Only this file knows the format.

The format is version 2 (Kafka documentation, "Record Batch"). A batch made here belongs to no producer yet;
`SendableBatch` sets that. What is used of aiokafka here is private, but for its partitioner:
tests/plumbing/test_record_batches.py fails when it changes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from aiokafka.codec import lz4_encode
from aiokafka.partitioner import murmur2
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

LARGEST = 1 << 20
"""Bytes of a batch at most, before it is compressed. A record that needs more by itself is too large."""
WORTH_COMPRESSING = 2048
"""Bytes of records from which a batch is compressed: a single fact would become a fifth shorter, ten of them four
fifths."""
MANY = 30
"""Records from which a batch is sent as it is: one more to send costs what putting so many together anew costs."""

_FORMAT = 2
_LENGTH = struct.Struct(">i")  # at 8: bytes that follow it
_CHECKSUM = struct.Struct(">I")  # at 17: CRC-32C of all that follows it
_ATTRIBUTES = struct.Struct(">h")  # at 21: the codec in the lowest three bits, and the bit of transactions
_PRODUCER = struct.Struct(">qhi")  # at 43: producer id, epoch, number of the first record
_HEADER = 61  # bytes before the records
_LZ4, _TRANSACTIONAL = 3, 0x10


class StampedRecord(NamedTuple):
    """A record without its place; `at`: its timestamp, in milliseconds since 1970."""

    at: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class RecordBatch(NamedTuple):
    """Records of one partition, in their order. `fits` is False for a record by itself that is larger than LARGEST."""

    records: int
    content: bytes
    fits: bool = True


@lru_cache(20_000)  # an episode's records come together, and the hash is Python
def _hashed(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic with so many, as Java's and aiokafka's clients have it, so that other writers
    keyed by episode agree."""
    return _hashed(key) % partitions


def batches(records: Iterable[StampedRecord]) -> Iterator[RecordBatch]:
    """The records of one partition as few batches, in their order."""
    builder, number = _builder(), 0
    for record in records:
        if builder.append(number, *record) is None:
            yield _closed(builder, number)
            builder, number = _builder(), 0
            builder.append(number, *record)
        number += 1
    if number:
        yield _closed(builder, number)


def records_in(content: bytes) -> list[StampedRecord]:
    """The records of a batch."""
    return [StampedRecord(each.timestamp, each.key, each.value, each.headers) for each in DefaultRecordBatch(content)]


def joined(parts: Iterable[RecordBatch | StampedRecord]) -> Iterator[RecordBatch]:
    """What is to be sent to one partition, in its order, as few batches: neighbours that are short become one."""
    for loose, group in groupby(parts, _is_loose):
        together = list(group)
        if loose and not (len(together) == 1 and isinstance(together[0], RecordBatch)):
            yield from batches(_records_of(together))
        else:
            yield from (each for each in together if isinstance(each, RecordBatch))


class SendableBatch:
    """A record batch as aiokafka's producer takes it in place of its own BatchBuilder (`send_batch`)."""

    def __init__(self, batch: RecordBatch) -> None:
        self._records, self._content = batch.records, bytearray(batch.content)

    def record_count(self) -> int:
        """Records in the batch."""
        return self._records

    def size(self) -> int:
        """Bytes of the batch."""
        return len(self._content)

    def closed(self) -> bool:
        """True: nothing is added, and it is sent at once."""
        return True

    def close(self) -> None:
        """It is closed already."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Make it a batch of this producer's transaction: the producer calls it just before it sends."""
        content = self._content
        _ATTRIBUTES.pack_into(content, 21, _ATTRIBUTES.unpack_from(content, 21)[0] | _TRANSACTIONAL)
        _PRODUCER.pack_into(content, 43, producer_id, producer_epoch, base_sequence)
        _CHECKSUM.pack_into(content, 17, calc_crc32c(memoryview(content)[21:]))

    def _build(self) -> bytearray:
        return self._content


def _builder() -> DefaultRecordBatchBuilder:
    """For records that are not compressed, of no producer; it takes no record that makes it larger, but for the
    first."""
    return DefaultRecordBatchBuilder(_FORMAT, 0, 0, -1, -1, 0, LARGEST)


def _closed(builder: DefaultRecordBatchBuilder, records: int) -> RecordBatch:
    content = builder.build()
    if len(content) > LARGEST:
        return RecordBatch(records, b"", fits=False)
    if len(content) - _HEADER >= WORTH_COMPRESSING:
        _compress(content)
    return RecordBatch(records, bytes(content))


def _compress(content: bytearray) -> None:
    """Compress a batch's records with LZ4, where that makes it shorter."""
    shorter = lz4_encode(bytes(content[_HEADER:]), level=1)
    if len(shorter) < len(content) - _HEADER:
        content[_HEADER:] = shorter
        _LENGTH.pack_into(content, 8, len(content) - 12)
        _ATTRIBUTES.pack_into(content, 21, _LZ4)


def _is_loose(part: RecordBatch | StampedRecord) -> bool:
    return isinstance(part, StampedRecord) or part.records < MANY


def _records_of(parts: Iterable[RecordBatch | StampedRecord]) -> Iterator[StampedRecord]:
    for part in parts:
        if isinstance(part, StampedRecord):
            yield part
        else:
            yield from records_in(part.content)
