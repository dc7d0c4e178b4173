"""Compares the topics of whole documents (care.episodes and the two billing topics) with the services' tables (contract
5.2, 5.3 and 5.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from shared.errors import InvalidMessage
from shared.events import billing_type
from shared.events.billing import PeriodVoided
from shared.facts.envelope import Fact, from_record
from shared.invariants import Broken
from tools.verify.facts import Offset, RawRecord

EPISODES, VERSIONS, LATEST = "care.episodes", "billing.service-periods", "billing.periods"
VOIDED = billing_type(PeriodVoided.TYPE)


class Last(NamedTuple):
    """The last record of a key: its version, its ce_id, and whether it voids a service period."""

    version: int
    ce_id: str
    voided: bool


class Documents:
    """The last record of each subject of one topic; its records are given to `take` in their order. `kept`: the records
    that are dead letters or parked, and not looked at."""

    def __init__(self, kept: set[Offset]) -> None:
        self.kept = kept
        self.last: dict[str, Last] = {}
        self.records = 0

    def take(self, record: RawRecord) -> Iterator[Broken]:
        """Take in one record; yields what is broken about it."""
        self.records += 1
        place = (record.topic, record.partition, record.offset)
        if place in self.kept:
            return
        try:
            fact = from_record(record.value, record.headers)
        except InvalidMessage:
            yield Broken(2, f"record {record.topic}/{record.partition}/{record.offset}", "it is unreadable")
            return
        yield from self._next(fact)

    def _next(self, fact: Fact) -> Iterator[Broken]:
        self.last[fact.subject] = Last(fact.sequence, fact.id, fact.type == VOIDED)
        yield from ()


class EveryVersion(Documents):
    """billing.service-periods, which has the versions 1, 2, 3, … of each period; a version may come twice only as the
    same record. One that comes too early is right once what was missing before it was told again."""

    def __init__(self, kept: set[Offset]) -> None:
        super().__init__(kept)
        self._seen: set[int] = set()
        self._early: dict[str, dict[int, Fact]] = {}

    def _next(self, fact: Fact) -> Iterator[Broken]:
        last, early = self._version(fact.subject), self._early.get(fact.subject, {})
        one = hash((fact.subject, fact.sequence, fact.id))
        if fact.sequence == last + 1:
            yield from super()._next(fact)
            while (following := early.pop(self._version(fact.subject) + 1, None)) is not None:
                yield from super()._next(following)
        elif fact.sequence > last and fact.sequence not in early:
            self._early.setdefault(fact.subject, {})[fact.sequence] = fact
        elif one not in self._seen:
            yield Broken(4, f"period {fact.subject}", f"version {fact.sequence} does not follow the one before")
        self._seen.add(one)

    def _version(self, period: str) -> int:
        return self.last[period].version if period in self.last else 0

    def gaps(self) -> Iterator[Broken]:
        """Once all is read: the periods with versions after a gap that nothing has filled."""
        for period, early in self._early.items():
            if early:
                yield Broken(4, f"period {period}", f"version {min(early)} does not follow the one before")


async def other_versions(stored: AsyncIterator[tuple[str, int]], told: Documents, who: str) -> AsyncIterator[Broken]:
    """Yields the episodes of which the service `who` stored another version than the last one on care.episodes.
    `stored`: its (episode, version)."""
    left = dict(told.last)
    async for episode, version in stored:
        last = left.pop(episode, None)
        if last is None or last.version != version:
            text = f"{who} stored version {version}, {EPISODES} has {last.version if last else 'none'}"
            yield Broken(3, f"episode {episode}", text)
    for episode in left:
        yield Broken(3, f"episode {episode}", f"{who} has not stored what {EPISODES} told")


async def other_periods(
    stored: AsyncIterator[tuple[str, int, bool]], every: EveryVersion, latest: Documents
) -> AsyncIterator[Broken]:
    """Yields the periods whose last version differs between placement's table, `stored` as (period, version, voided),
    and the two billing topics."""
    left = dict(every.last)
    async for period, version, voided in stored:
        last = left.pop(period, None)
        if last is None or (last.version, last.voided) != (version, voided):
            yield Broken(4, f"period {period}", f"placement stored another version than {VERSIONS} has")
    for period in left:
        yield Broken(4, f"period {period}", "placement has not stored it")
    for period in every.last.keys() | latest.last.keys():
        if every.last.get(period) != latest.last.get(period):
            yield Broken(4, f"period {period}", f"the last record of {LATEST} is not that of {VERSIONS}")
