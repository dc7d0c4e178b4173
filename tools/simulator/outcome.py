"""The figures of a run, read from the topics, the services' APIs and intake's database. Decides and prints nothing."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from services.intake.receiving import views
from shared.events.continuum import Step
from shared.events.placing import Offer
from shared.events.stays import Admitted, Merge, VisitStarted
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact, from_record
from shared.messaging.reading import Reading
from shared.storage.database import Database
from tools.stack.ready import Ready
from tools.verify import idle

Json = dict[str, Any]
Databases = Mapping[str, Database]


@dataclass(slots=True)
class Outcome:
    """The figures after a run.

    `facts`: (writer, name) → how many; `corrected`: how many facts replace another; `periods`: records of
    billing.service-periods by name; `about`: MRN → episode; `noted`: (note, reason) → how many of intake's messages;
    `ineffective`: (word, meaning) → how many facts; `dead`: service → dead letters; `steps`: (from level, to level) →
    days between, of the steps that stand; `answers`: what became of offers; `declined`: for which reasons; `kinds`:
    episode → names of its facts.
    """

    episodes: list[Json]
    follow_ups: list[Json]
    facts: Counter[tuple[str, str]] = field(default_factory=Counter)
    corrected: int = 0
    periods: Counter[str] = field(default_factory=Counter)
    about: dict[str, str] = field(default_factory=dict)
    noted: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    ineffective: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: dict[str, int] = field(default_factory=dict)
    steps: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, set[str]] = field(default_factory=dict)


class Desk:
    """Reads the services' APIs with a coordinator's token. Its methods raise OSError where a service does not
    answer."""

    def __init__(self, system: Ready) -> None:
        self.system = system

    async def episode(self, episode_id: str) -> Json:
        """One episode with its facts and periods."""
        return await self._get(f"{self.system.placement}/api/episodes/{episode_id}", {})

    async def episodes(self) -> list[Json]:
        """All episodes, as placement lists them."""
        return await self._pages(f"{self.system.placement}/api/episodes", "episodes")

    async def follow_ups(self) -> list[Json]:
        """All follow-up windows."""
        return await self._pages(f"{self.system.aftercare}/api/follow-ups", "items")

    async def overdue(self, today: date) -> bool:
        """True where a window's last day was before today, and aftercare's timer has not stated it missed yet."""
        first = await self._get(f"{self.system.aftercare}/api/follow-ups", {"state": "due", "limit": "1"})
        return any(date.fromisoformat(one["due_to"]) < today for one in first["items"])

    async def _pages(self, url: str, name: str) -> list[Json]:
        found: list[Json] = []
        cursor: str | None = None
        while True:
            page = await self._get(url, {"limit": "200"} | ({"cursor": cursor} if cursor else {}))
            found += page[name]
            cursor = page["next"]
            if cursor is None:
                return found

    async def _get(self, url: str, query: Mapping[str, str]) -> Json:
        headers = {"Authorization": f"Bearer {self.system.tokens['coordinator']}"}
        request = urllib.request.Request(f"{url}?{urlencode(query)}", headers=headers)  # noqa: S310  # our own address

        def read() -> Json:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return dict(json.load(answer))

        return await asyncio.to_thread(read)


async def at_rest(desk: Desk, databases: Databases, topics: Reading, today: date, seconds: float) -> bool:
    """Wait until no record is on its way and every window that is over is stated missed; False where that takes more
    than `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await idle.until_idle(databases, topics, end - time.monotonic()) and not await desk.overdue(today):
            return True
        await asyncio.sleep(0.2)
    return False


async def outcome(desk: Desk, databases: Databases, topics: Reading) -> Outcome:
    """Read all figures."""
    found = Outcome(await desk.episodes(), await desk.follow_ups())
    steps: dict[str, Step] = {}
    async for batch in topics.to_the_end("care.events"):
        for record in batch:
            fact = from_record(record.value, record.headers)
            _count(found, fact)
            _step(steps, fact)
    for step in steps.values():
        found.steps.setdefault((step.from_level, step.to_level), []).append(step.days_between)
    async for batch in topics.to_the_end("billing.service-periods"):
        found.periods.update(from_record(record.value, record.headers).name for record in batch)
    async with databases["intake"].read() as connection:
        found.noted = Counter({(note, why): number for note, why, number in await views.effects(connection)})
    for one in found.episodes:
        if one["ineffective"]:
            found.ineffective.update(_words(await desk.episode(one["episode_id"])))
    for service, database in databases.items():
        found.dead[service] = (await idle.kept_aside(database))[2]
    return found


def _count(found: Outcome, fact: Fact) -> None:
    found.facts[fact.writer, fact.name] += 1
    found.kinds.setdefault(fact.subject, set()).add(fact.name)
    found.corrected += fact.value.replaces is not None
    match fact.value:
        case Offer(reason=reason):
            found.answers[fact.name.removeprefix("offer-")] += 1
            if fact.name == "offer-declined":
                found.declined[str(reason)] += 1
        case VisitStarted(patient=patient) | Admitted(patient=patient) | Merge(patient=patient) if patient:
            found.about[patient.mrn] = fact.subject


def _step(steps: dict[str, Step], fact: Fact) -> None:
    """Take one fact into `steps`, which holds the announced steps that stand, by ce_id."""
    if isinstance(fact.value, Step):
        steps[fact.id] = fact.value
    steps.pop(fact.value.replaces or "", None)
    if isinstance(fact.value, FactCancelled):
        steps.pop(fact.value.cancels, None)


def _words(episode: Json) -> Iterator[tuple[str, str]]:
    for fact in episode["facts"]:
        if why := fact.get("ineffective"):
            yield why["word"], why["means"]
