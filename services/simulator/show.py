"""One run of the demo: patients told to a system, rest awaited, all of it read, verified; prints nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from services.simulator.hospital import Sent, send
from services.simulator.messages import FACILITY
from services.simulator.outcome import Desk, Outcome, at_rest, outcome
from services.simulator.patients import Patient, patients
from services.stack.access import Access
from services.verify import Report, verify
from shared.db import Database
from shared.errors import Transient
from shared.reading import Reading, reading
from shared.site_config import Site

CONNECTIONS = 6
REST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is simulated, and when: the same plan tells the same messages."""

    number: int
    seed: int
    now: datetime
    site: Site

    @property
    def zone(self) -> tzinfo:
        """The simulated hospital's."""
        return self.site.zone(FACILITY)

    def patients(self) -> list[Patient]:
        """The patients, the one to tell about first."""
        return patients(self.number, self.seed, self.now, self.zone)


@dataclass(slots=True)
class Shown:
    """All that a run came to. `answers`: (trigger, code) → how many; `slowest` and `seconds` are of the sending."""

    plan: Plan
    people: list[Patient]
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0.0
    rest: float = 0.0
    outcome: Outcome = field(default_factory=lambda: Outcome([], []))
    one: dict[str, Any] = field(default_factory=dict)
    windows: list[dict[str, Any]] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    @property
    def messages(self) -> int:
        """How many were answered."""
        return self.answers.total()

    def note(self, sent: Sent) -> None:
        """One answer."""
        self.answers[sent.message.trigger, sent.ack.code] += 1
        self.delays.append(sent.seconds)
        if not sent.ack.good:
            self.refused[sent.ack.code, sent.ack.error or "no reason told"] += 1


@dataclass(frozen=True, slots=True)
class Steps:
    """Who hears how far it is: `tick` after each answer, `step` before each part."""

    tick: Callable[[], None]
    step: Callable[[str], None]


async def told(plan: Plan, system: Access, steps: Steps) -> Shown:
    """Send everything, wait for rest, read what came of it, verify. Raises Transient where rest does not come."""
    assert system.ready is not None, "the demo's own system is running"  # noqa: S101
    found = Shown(plan, plan.patients())

    def note(sent: Sent) -> None:
        found.note(sent)
        steps.tick()

    begun = time.monotonic()
    await send(found.people, system.ready.mllp, CONNECTIONS, note)
    found.seconds = time.monotonic() - begun
    steps.step("waiting until everything is said, decided and billed")
    async with _opened(system) as (databases, topics):
        await _come_to_rest(found, Desk(system.ready), databases, topics)
        steps.step("reading what came of it")
        found.outcome = await outcome(Desk(system.ready), databases, topics)
    await _first_patient(found, Desk(system.ready))
    steps.step("verifying")
    found.report = await verify(system.urls, system.settings, plan.site)
    return found


async def _come_to_rest(found: Shown, desk: Desk, databases: Mapping[str, Database], topics: Reading) -> None:
    begun = time.monotonic()
    today = found.plan.now.astimezone(found.plan.zone).date()
    if not await at_rest(desk, databases, topics, today, REST_SECONDS):
        raise Transient(f"the system did not come to rest within {REST_SECONDS:g} s; its logs say more")
    found.rest = time.monotonic() - begun


async def _first_patient(found: Shown, desk: Desk) -> None:
    episode = found.outcome.about.get(found.people[0].mrn)
    if episode is not None:
        found.one = await desk.episode(episode)
        found.windows = [one for one in found.outcome.follow_ups if one["episode_id"] == episode]


@asynccontextmanager
async def _opened(system: Access) -> AsyncIterator[tuple[Mapping[str, Database], Reading]]:
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(reading(system.settings.kafka_client()))
        databases = {name: Database(url, pool=2, application="stepdown-demo") for name, url in system.urls.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        yield databases, topics
