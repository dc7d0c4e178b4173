"""Brings placement's database and topics in line again, in pages of episodes, each in a transaction of its own
(contract 5.8). Safe to be ended at any time and run again: what is done is in the tables and the outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from services.placement.gate.recipients import gate_rules
from services.placement.recovery import store
from services.placement.recovery.adopt import bring_in_line
from services.placement.recovery.ledger import adopt_disclosures
from services.placement.recovery.letters import RefusedFacts
from services.placement.recovery.tell import tell_disclosures, tell_facts, tell_periods
from services.placement.rules import rules_of
from shared.clock import Clock, system_clock
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace
from shared.facts.values import UnknownFact
from shared.ids import random_id
from shared.messaging.spool import AT_ONCE, TWO_FACTS, Spool, Step, Told, in_pages, stuck, two_facts, without_two
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal

TOPICS = ("care.events", "care.episodes", "billing.service-periods", "billing.periods")
"""What has to be in `told`; and every topic out.*."""
LETTERS = "dead letters that only came of it"
FOUND = {
    "facts": ("untold", store.UNTOLD),
    "versions of service periods": ("untold_versions", store.UNTOLD_VERSIONS),
    "service periods": ("untold_newest", "SELECT subject FROM untold_versions WHERE latest"),
    "latest service periods": ("untold_latest", store.UNTOLD_LATEST),
    "disclosures": ("untold_disclosures", store.UNTOLD_DISCLOSURES),
    "own facts to be adopted": ("unknown_own", "SELECT subject FROM unknown WHERE writer = 'placement'"),
    "service periods to be adopted": ("newer_periods", store.NEWER_PERIODS),
    "documents": ("behind", store.BEHIND),
    "disclosures to be adopted": ("unknown_disclosures", store.UNKNOWN_DISCLOSURES),
    TWO_FACTS: ("others", store.OTHERS),
}
"""What is compared → the temporary table and its SELECT."""


@dataclass(slots=True)
class Healing:
    """One run on placement's database; `spool` has what the topics hold, `seal` opens its dead letters."""

    spool: Spool
    site: Site
    seal: Seal
    step: Step
    clock: Clock = system_clock
    actor: str = "heal"
    done: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    refused: RefusedFacts = field(init=False)

    def __post_init__(self) -> None:
        self.refused = RefusedFacts(self.spool.database, self.seal, self.clock)

    async def seen_by(self, versions: AsyncIterator[Mapping[str, int]]) -> None:
        """Take into account which versions of the documents another service holds; in pages of episode → version."""
        async for page in versions:
            await self.spool.put(
                [Told("seen", episode, "placement", version, "", "", "", None, None, None, None, "", b"")
                 for episode, version in page.items()]
            )  # fmt: skip

    def gone(self) -> list[str]:
        """Sentences about what cannot come back; after `compare`."""
        found, told = self.found, []
        if (made := found["versions of service periods"] - found["service periods"]) > 0:
            told.append(f"{made:,} earlier versions of service periods: their numbers are told with the latest content")
        told += two_facts(found[TWO_FACTS]) + self.refused.gone()
        if found["own facts to be adopted"]:
            told.append("audit entries, refusals and answers to idempotency keys since the backup: no topic has them")
        if self.done:
            told += stuck(found["own facts to be adopted"], self.done["own facts adopted"])
        return told

    async def compare(self) -> Counter[str]:
        """How many of each kind are to be told again or adopted."""
        await self.spool.indexed()
        await self.spool.compare("unknown", store.UNKNOWN)  # of others: not read yet, waiting, or a dead letter
        found = Counter({kind: await self.spool.compare(*made) for kind, made in FOUND.items()})
        await self.spool.compare("changed", store.CHANGED)
        await self.spool.compare(
            "billed", "SELECT subject FROM untold_versions UNION SELECT subject FROM untold_latest"
        )
        await self.refused.compare()
        found[LETTERS] = len(self.refused.same)
        self.found = found
        return +without_two(found)

    async def heal(self) -> Counter[str]:
        """Tell again, then adopt; returns what was done, by kind. After `compare`."""
        rules, outside = rules_of(self.site), gate_rules(self.site)

        async def periods(connection: Connection, ids: list[str]) -> Counter[str]:
            return await tell_periods(connection, ids, self.clock, random_id)

        async def disclosures(connection: Connection, ids: list[str]) -> Counter[str]:
            return await tell_disclosures(connection, ids, outside, self.clock())

        async def in_line(connection: Connection, ids: list[str]) -> Counter[str]:
            return await bring_in_line(connection, ids, rules=rules, clock=self.clock, ids=random_id)

        async def ledger(connection: Connection, ids: list[str]) -> Counter[str]:
            return await adopt_disclosures(connection, ids, outside)

        for name, work in (
            ("untold", tell_facts),
            ("billed", periods),
            ("untold_disclosures", disclosures),
            ("changed", in_line),
            ("unknown_disclosures", ledger),
        ):
            self.done += await self.spool.work_off(name, work, self.step, AT_ONCE)
        await self.refused.compare()  # what was adopted stands now
        self.done[LETTERS] = await self.refused.settle(self.actor)
        return +self.done


@dataclass(frozen=True, slots=True)
class Applied:
    """The facts that placement has applied, of every writer: their bytes as they came."""

    database: Database

    async def at(self, places: Sequence[FactPlace]) -> Mapping[FactPlace, Fact[UnknownFact]]:
        """(episode, writer, sequence) → the fact there."""
        async with self.database.read() as connection:
            return await store.at(connection, places)

    def last(self, writer: str) -> AsyncIterator[Mapping[str, int]]:
        """Episode → the last sequence of a writer, in pages."""
        return in_pages(self.database, partial(store.seen_after, writer))

    async def after(self, last: Mapping[str, int], writer: str) -> Sequence[Fact[UnknownFact]]:
        """The writer's facts beyond these sequences (episode → sequence), each episode's in order."""
        async with self.database.read() as connection:
            return await store.after(connection, last, writer)
