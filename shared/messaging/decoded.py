"""A batch of fetched records with what each one carries, decoded once for every consumer that takes the batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from aiokafka import ConsumerRecord

from shared.messaging.positions import Incoming, Position, Slot

Decode = Callable[[ConsumerRecord], Any]
"""What a record carries (a Fact, mostly), or InvalidMessage; called once for each record that is fetched."""
AT_ONCE = 4
"""Records that are decoded beside other work before it may go on: of HL7 messages, half a millisecond."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """`records` as they were fetched; `told`: for each of them what was decoded, or why it could not be."""

    records: Sequence[ConsumerRecord]
    told: Sequence[Incoming[Any] | Exception]

    def part(self, begin: int, end: int | None = None) -> Decoded:
        """The records from `begin` up to `end`, by their numbers in this batch."""
        return Decoded(self.records[begin:end], self.told[begin:end])

    def runs(self) -> Iterator[tuple[Slot, Decoded]]:
        """The batch in runs of one partition, as Kafka gives them."""
        begin = 0
        for slot, found in by_slot(self.records):
            end = begin + sum(1 for _ in found)
            yield slot, self.part(begin, end)
            begin = end

    def since(self, at: Mapping[Slot, Position]) -> Decoded:
        """Without records before these positions, or of partitions that have none."""
        records, told = list[ConsumerRecord](), list[Incoming[Any] | Exception]()
        for slot, run in self.runs():
            if (place := at.get(slot)) is not None:
                left = run.after(place.next_offset)
                records += left.records
                told += left.told
        return Decoded(records, told)

    def after(self, offset: int) -> Decoded:
        """Of a run: its records from this offset on."""
        if not self.records or self.records[0].offset >= offset:
            return self
        begin = next((n for n, record in enumerate(self.records) if record.offset >= offset), len(self.records))
        return self.part(begin)


def decoded_by(decode: Decode, records: Sequence[ConsumerRecord]) -> Decoded:
    """These records, decoded. What a record can't be decoded for is told in its place."""
    return Decoded(records, list(_told(decode, records)))


async def decoded_beside(decode: Decode, records: Sequence[ConsumerRecord]) -> Decoded:
    """The same in a task beside other work: after every AT_ONCE records that may go on."""
    told: list[Incoming[Any] | Exception] = []
    for each in _told(decode, records):
        told.append(each)
        if len(told) % AT_ONCE == 0:
            await asyncio.sleep(0)
    return Decoded(records, told)


def _told(decode: Decode, records: Sequence[ConsumerRecord]) -> Iterator[Incoming[Any] | Exception]:
    for slot, run in by_slot(records):
        for record in run:
            try:
                yield Incoming(slot, record.offset, record.key or b"", decode(record))
            except Exception as fault:  # noqa: BLE001 - whoever handles the record raises it again
                yield fault


def by_slot(records: Sequence[ConsumerRecord]) -> Iterator[tuple[Slot, Iterator[ConsumerRecord]]]:
    """The records in runs of one partition, as Kafka gives them."""
    for (topic, partition), part in groupby(records, key=attrgetter("topic", "partition")):
        yield Slot(topic, partition), part
