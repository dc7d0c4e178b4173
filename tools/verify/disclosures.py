"""Compares the topics out.* with the ledger of disclosures: each record has its row, each row its record (contract
5.7)."""

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
"""How the names of these topics begin."""
Item = TypeVar("Item")


class DisclosuresOnTopics:
    """What the topics of all recipients hold; their records are given to `take`, in the order of each partition.

    Of each (recipient, episode) the last sequence and a running hash are held (`told`), never a record. `kept`: the
    records that are dead letters or parked, and not looked at.
    """

    def __init__(self, kept: set[Offset]) -> None:
        self.kept = kept
        self.told: dict[tuple[str, str], Chain] = {}
        self.again: list[tuple[str, str]] = []
        """(recipient, disclosure) of records whose sequence came before; right where a relay sent a disclosure
        twice."""
        self.records = 0

    def take(self, record: RawRecord) -> Iterator[Broken]:
        """Take in one record; yields what is broken about it."""
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


async def unlike_the_ledger(
    sent: AsyncIterator[tuple[str, str, int, str]], out: DisclosuresOnTopics
) -> AsyncIterator[Broken]:
    """Yields the episodes of which a recipient's topic holds other records than the ledger; empties `out.told`.

    `sent`: (recipient, episode, sequence, what is hashed) of the ledger's rows, those of an episode together, by
    sequence.
    """
    async for one in unlike(sent, out.told, 7, "the ledger and " + OUT + "{} hold other disclosures"):
        yield one


async def by_many(one_by_one: AsyncIterator[Item], many: int = 1000) -> AsyncIterator[list[Item]]:
    """The items in lists of `many`; the last list may be shorter."""
    some: list[Item] = []
    async for each in one_by_one:
        some.append(each)
        if len(some) == many:
            yield some
            some = []
    if some:
        yield some


def not_in_the_ledger(out: DisclosuresOnTopics, known: set[str]) -> Iterator[Broken]:
    """Yields the records whose sequence came before and whose disclosure is not among those `known` to the ledger."""
    for recipient, disclosure in out.again:
        if disclosure not in known:
            yield Broken(7, f"disclosure {disclosure} to {recipient}", "it is not in the ledger")
