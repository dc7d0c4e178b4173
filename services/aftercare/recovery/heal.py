"""Brings aftercare's database and care.events in line again, in pages of episodes, each in a transaction of its own
(contract 5.8). Safe to be ended at any time and run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.aftercare.decisions import windows
from services.aftercare.engine import apply, views
from services.aftercare.engine import store as engine
from services.aftercare.engine.apply import Rules
from services.aftercare.recovery import store
from shared.clock import Clock, system_clock
from shared.errors import InvalidMessage
from shared.events import EPISODE_TYPE
from shared.events.episodes import EpisodeState, read_document
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact, to_record
from shared.facts.restating import OwnFacts
from shared.facts.tracing import begun_with, onward
from shared.messaging import outbox
from shared.messaging.spool import (
    TO_ADOPT,
    TWO_FACTS,
    Applied,
    Spool,
    Step,
    Told,
    by_subject,
    compare_own,
    in_pages,
    next_in_line,
    stuck,
    two_facts,
    unknown_of,
    without_two,
)
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.storage.merged_episodes import pair
from shared.values import replace as with_values


@dataclass(slots=True)
class Healing:
    """One run on aftercare's database; `spool` has what care.events and care.episodes hold, `applied` is placement's
    table of facts."""

    spool: Spool
    site: Site
    applied: Applied
    step: Step
    clock: Clock = system_clock
    done: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    async def compare(self) -> Counter[str]:
        """How many of each kind are to be told again or adopted."""
        self.found = await compare_own(self.spool, self.applied, "aftercare", store.sequences_of)
        return +without_two(self.found)

    async def heal(self) -> Counter[str]:
        """Adopt, then tell again; returns what was done, by kind. After `compare`."""
        rules = Rules(self.site, self.clock)
        self.done = await self.spool.work_off(
            "unknown", lambda connection, page: _adopt(connection, page, rules), self.step
        )
        if self.found[TO_ADOPT]:
            await self._decide_again(rules)
        self.done += await self.spool.work_off("untold", self._tell, self.step)
        return +self.done

    def gone(self) -> list[str]:
        """Sentences about what cannot come back; after `compare`."""
        told = ["audit entries since the backup: no topic has them"] if self.found[TO_ADOPT] else []
        if self.done:
            told += stuck(self.found[TO_ADOPT], self.done["own facts adopted"])
        return told + two_facts(self.found[TWO_FACTS])

    async def _decide_again(self, rules: Rules) -> None:
        after: str | None = ""
        while after is not None:
            async with self.spool.database.begin() as connection:
                after = (await apply.decide_again(rules, connection, after)).last
            await self.step(0)

    async def _tell(self, connection: Connection, page: list[str]) -> Counter[str]:
        own = await store.untold_of(connection, page)
        kept: dict[str, Fact[Any]] = {
            fact.id: fact
            for fact in (await self.applied.at([(f.subject, "aftercare", f.sequence) for f in own])).values()
        }
        records = [to_record(_traced(kept.get(fact.id, fact)), "care.events") for fact in own]
        await outbox.send_first(connection, records)
        return Counter({"facts": len(records)})


def _traced(fact: Fact[Any]) -> Fact[Any]:
    trace = onward(begun_with(fact.correlation_id or fact.causation_id or fact.id), fact.id)
    return fact if fact.traceparent else with_values(fact, traceparent=trace)


async def _adopt(connection: Connection, page: Sequence[str], rules: Rules) -> Counter[str]:
    """Adopt the facts of these episodes, and the last documents, by which they are decided on."""
    locked = {each.episode_id: each for each in await engine.lock(connection, page)}
    unknown = by_subject(await unknown_of(connection, "aftercare", page))
    kept = await views.facts_of(connection, list(locked))
    new: list[tuple[Fact, bool]] = []
    fallen: list[Fact] = []
    shown = {}
    for episode, row in locked.items():
        own = next_in_line(row.sequence, unknown.get(episode, ()))
        every = OwnFacts([*(each.fact for each in kept[episode]), *own])
        standing = [f for f in every if f.id not in every.fallen and not isinstance(f.value, FactCancelled)]
        stands = {fact.id for fact in standing}
        new += [(fact, fact.id in stands) for fact in own]
        fallen += [each.fact for each in kept[episode] if each.stands and each.fact.id not in stands]
        shown[episode] = list(windows.rows(tuple(standing)).values())
    await store.keep_adopted(connection, new, fallen, shown)
    last = {fact.subject: fact.sequence for fact, _ in new}
    newer = []
    for one in await store.documents_of(connection, page):
        row, document = locked[one.subject], _document(one)
        if document is not None and document.version > row.version:
            sequence = last.get(one.subject, row.sequence)
            newer.append(replace(row, version=document.version, document=document, sequence=sequence))
    told = {(e.episode_id, one.episode_id) for e in newer if e.document for one in e.document.merged_into or ()}
    await pair(connection, told)
    await apply.decide_and_save(rules, connection, newer, {})
    return Counter({"own facts adopted": len(new)})


def _document(one: Told) -> EpisodeState | None:
    try:
        return read_document(one.value) if one.type == EPISODE_TYPE else None
    except InvalidMessage:
        return None


def seen(database: Database) -> AsyncIterator[Mapping[str, int]]:
    """Episode → the version of its document that aftercare holds, in pages."""
    return in_pages(database, store.seen_after)
