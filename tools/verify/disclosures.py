"""The topics out.* against the ledger of disclosures: each record has its row, each row its record; promise 5.7."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from shared.errors import InvalidMessage
from shared.events import Disclosed, out_topic
from shared.events.disclosures import read_disclosed
from shared.facts.envelope import Fact, from_record
from shared.invariants import Broken
from tools.verify.facts import Chain, Offset, RawRecord, unlike

OUT = out_topic("").name
"""What the names of these topics begin with."""
Item = TypeVar("Item")


class OnOut:
    """What the topics of all recipients hold, taken in record by record, in the order of each partition.

    Of each (recipient, episode) the last sequence and a running hash are kept, never a record.
    """

    def __init__(self, kept: set[Offset]) -> None:
        self.kept = kept
        self.told: dict[tuple[str, str], Chain] = {}
        self.again: list[tuple[str, str]] = []
        """(recipient, disclosure) of records with a sequence that came before: a relay's repeats, if they are true."""
        self.records = 0

    def take(self, record: RawRecord) -> Iterator[Broken]:
        """One record; what is broken about it."""
        self.records += 1
        if (record.topic, record.partition, record.offset) in self.kept:
            return
        try:
            fact = from_record(record.value, record.headers, read_disclosed)
            self._next(record.topic.removeprefix(OUT), fact)
        except InvalidMessage:
            name = f"record {record.topic}/{record.partition}/{record.offset}"
            yield Broken(7, name, "it is no disclosure that can be read")

    def _next(self, recipient: str, fact: Fact[Disclosed]) -> None:
        key = (recipient, fact.subject)
        chain = self.told.get(key, Chain())
        if fact.sequence <= chain.last:
            self.again.append((recipient, fact.id))
        else:
            said = f"{fact.id} {fact.value.fact_id} {fact.value.basis.kind}"
            self.told[key] = chain.and_then(fact.sequence, said)


async def unlike_the_ledger(sent: AsyncIterator[tuple[str, str, int, str]], out: OnOut) -> AsyncIterator[Broken]:
    """Episodes of which a recipient's topic holds other records than the ledger says; `out.told` is emptied."""
    async for one in unlike(sent, out.told, 7, "the ledger and " + OUT + "{} hold other disclosures"):
        yield one


async def by_many(one_by_one: AsyncIterator[Item], many: int = 1000) -> AsyncIterator[list[Item]]:
    """The same, so many at a time."""
    some: list[Item] = []
    async for each in one_by_one:
        some.append(each)
        if len(some) == many:
            yield some
            some = []
    if some:
        yield some


def not_in_the_ledger(out: OnOut, known: set[str]) -> Iterator[Broken]:
    """Records sent twice that are nobody's repeat."""
    for recipient, disclosure in out.again:
        if disclosure not in known:
            yield Broken(7, f"disclosure {disclosure} to {recipient}", "it is not in the ledger")
