"""Compares care.events with the tables of its writers, and of placement, which applies its facts (contract 5.1 and
5.2).

Of each (writer, episode) only the last sequence and a running hash of the ce_ids are held in memory, never the facts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, Protocol

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, from_record
from shared.invariants import Broken

TOPIC = "care.events"
Key = tuple[str, str]
"""(writer, episode)."""
Offset = tuple[str, int, int]
"""(topic, partition, offset)."""


class RawRecord(Protocol):
    """A record as the Kafka client gives it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Chain(NamedTuple):
    """A writer's facts of one episode up to the sequence `last`. Equal chains mean the same facts in the same order."""

    last: int = 0
    digest: int = 0

    def and_then(self, sequence: int, ce_id: str) -> Chain:
        """The chain with one more fact."""
        return Chain(sequence, hash((self.digest, sequence, ce_id)))


class Repeat(NamedTuple):
    """A record whose sequence came before: right where its ce_id is that of the fact applied under this sequence."""

    key: Key
    sequence: int
    ce_id: str


class FactsOnTopic:
    """What care.events holds; its records are given to `take`, in the order of each partition.

    `kept`: the records that placement has not applied, as dead letters or parked facts; `discarded`: records that an
    operator has declared to be no facts.
    """

    def __init__(self, kept: set[Offset], discarded: set[Offset]) -> None:
        self.kept, self.discarded = kept, discarded
        self.told: dict[Key, Chain] = {}
        self.records = 0
        self.repeats: list[Repeat] = []
        self._applied: dict[Key, Chain] = {}
        self._early: dict[Key, dict[int, tuple[str, bool]]] = {}

    def take(self, record: RawRecord) -> Iterator[Broken]:
        """Take in one record; yields what is broken about it."""
        place = (record.topic, record.partition, record.offset)
        self.records += 1
        if place in self.discarded:
            return
        try:
            fact = from_record(record.value, record.headers)
        except InvalidMessage:
            if place not in self.kept:
                name = f"record {record.topic}/{record.partition}/{record.offset}"
                yield Broken(1, name, "it is unreadable, and no dead letter")
            return
        self._in_line(fact, kept=place in self.kept)

    def _in_line(self, fact: Fact, *, kept: bool) -> None:
        key = (fact.writer, fact.subject)
        last, early = self.told.get(key, Chain()).last, self._early.get(key, {})
        if fact.sequence <= last or fact.sequence in early:
            self.repeats.append(Repeat(key, fact.sequence, fact.id))
        elif fact.sequence > last + 1:
            self._early.setdefault(key, {})[fact.sequence] = (fact.id, kept)
        else:
            self._add(key, fact.sequence, fact.id, kept=kept)
            while (following := early.pop(self.told[key].last + 1, None)) is not None:
                self._add(key, self.told[key].last + 1, following[0], kept=following[1])

    def _add(self, key: Key, sequence: int, ce_id: str, *, kept: bool) -> None:
        chain = self.told.get(key, Chain())
        if kept:
            self._applied.setdefault(key, chain)
        elif key in self._applied:
            self._applied[key] = self._applied[key].and_then(sequence, ce_id)
        self.told[key] = chain.and_then(sequence, ce_id)

    def gaps(self) -> Iterator[Broken]:
        """Once all is read: the episodes with facts after a gap that nothing has filled. One that was told again fills
        it, wherever it stands."""
        for (writer, episode), early in self._early.items():
            if early:
                yield Broken(2, f"episode {episode}", f"{writer}'s sequence has a gap before {min(early)}")

    def of(self, writer: str) -> dict[Key, Chain]:
        """The chains of one writer."""
        return {key: chain for key, chain in self.told.items() if key[0] == writer}

    def to_apply(self) -> dict[Key, Chain]:
        """The chains that placement should have applied: all facts except those in `kept`."""
        return {key: chain for key, chain in (self.told | self._applied).items() if chain.last}


async def unlike(
    stored: AsyncIterator[tuple[str, str, int, str]], told: dict[Key, Chain], promise: int, text: str
) -> AsyncIterator[Broken]:
    """Yields the episodes of which a table holds other facts than the topic; empties `told`, the topic's chains.

    `stored`: (writer, episode, sequence, ce_id) of the table's rows, those of a writer and episode together, by
    sequence; `promise`: the number of the invariant in contract 5; `text`: its sentence, in which `{}` is the writer.
    """
    async for key, chain in _chains(stored):
        if told.pop(key, None) != chain:
            yield Broken(promise, f"episode {key[1]}", text.format(key[0]))
    for writer, episode in told:
        yield Broken(promise, f"episode {episode}", text.format(writer))


async def _chains(stored: AsyncIterator[tuple[str, str, int, str]]) -> AsyncIterator[tuple[Key, Chain]]:
    at: Key | None = None
    chain = Chain()
    async for writer, episode, sequence, ce_id in stored:
        if at is not None and at != (writer, episode):
            yield at, chain
            chain = Chain()
        at, chain = (writer, episode), chain.and_then(sequence, ce_id)
    if at is not None:
        yield at, chain
