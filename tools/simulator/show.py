"""One run of the demo: play half a year on a system, wait until it is at rest, read the figures, verify. Prints
nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from time import monotonic
from typing import Any

from shared.errors import Transient
from shared.messaging.reading import Reading, reading
from shared.site.config import Site
from shared.storage.database import Database
from tools.simulator.care import Care, divided
from tools.simulator.chances import Chance, read
from tools.simulator.course import Course, Tally
from tools.simulator.doors import Doors
from tools.simulator.messages import FACILITY
from tools.simulator.morning import play_morning
from tools.simulator.outcome import Desk, Outcome, at_rest, outcome
from tools.simulator.play import Answered, hospital, play
from tools.simulator.player import Player
from tools.simulator.simulation import Drawing
from tools.simulator.watch import Watch
from tools.stack.access import Access
from tools.stack.ready import Ready
from tools.verify import Report, verify

REST_SECONDS = 120.0
"""How long the system may take to come to rest after the last step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is simulated, and when. The same plan makes the same messages.

    `morning`: this morning's work is played too, and left half done (tools/simulator/morning.py)."""

    number: int
    seed: int
    now: datetime
    site: Site
    morning: bool = False

    @property
    def zone(self) -> tzinfo:
        """The time zone of the simulated hospital."""
        return self.site.zone(FACILITY)

    @property
    def ends(self) -> date:
        """The last day of the half-year: yesterday, so that everything lies in the past."""
        return self.now.astimezone(self.zone).date() - timedelta(days=1)

    def players(self, doors: Doors, watch: Watch, tally: Tally) -> list[Player]:
        """The patients, with the messages that hospitals send of them and the stays that are entered at the desk.

        The minute of `now` is part of their ids, so that a second run on the same data is about other patients.
        """
        drawing = Drawing(self.seed, self.ends, self.zone, f"{self.seed}M{int(self.now.timestamp() // 60) % 10**7}")
        care = read(Care, "care.yml")
        until = datetime.combine(self.ends, time(23), self.zone)
        found = []
        for number in range(1, self.number + 1):
            chance = Chance(f"{self.seed}/{number}/care")
            life, own = divided(drawing.life(number), care, chance)
            course = Course(life, care, chance, doors, watch, tally, until)
            found.append(Player(course, drawing.sent(life, number), tuple(own or ()), at_the_desk=own is not None))
        return found


@dataclass(slots=True)
class Shown:
    """Everything that the demo shows of a run.

    `answers`: (trigger, MSA-1 or `none`) → how many; `refused`: (MSA-1, sentence) → how many; `doors`: messages over
    MLLP and Kafka; `delays`: seconds to each acknowledgement; `seconds`: of playing; `rest`: until it was at rest;
    `one`: the episode whose story is shown.
    """

    plan: Plan
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    doors: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0.0
    rest: float = 0.0
    outcome: Outcome = field(default_factory=lambda: Outcome([], []))
    one: dict[str, Any] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    @property
    def messages(self) -> int:
        """How many messages were sent."""
        return self.answers.total()

    def note(self, sent: Answered) -> None:
        """Count one answer; `none` where none was due or none came."""
        self.answers[sent.message.trigger, sent.ack.code if sent.ack else "none"] += 1
        self.doors[sent.door] += 1
        self.delays.append(sent.seconds)
        if sent.ack and not sent.ack.good:
            self.refused[sent.ack.code, sent.ack.error or "no reason told"] += 1


@dataclass(frozen=True, slots=True)
class Steps:
    """Functions that show progress: `total` gets the number of steps before the play, `tick` is called after each step,
    `step` gets the name of each part before it."""

    total: Callable[[int], None]
    tick: Callable[[], None]
    step: Callable[[str], None]


async def play_and_verify(plan: Plan, system: Access, steps: Steps) -> Shown:
    """Play all patients, wait until the system is at rest, read the figures and verify. Raises Transient where it is
    not at rest within REST_SECONDS."""
    assert system.ready is not None, "the demo's own system is running"  # noqa: S101
    found = Shown(plan)
    begun = monotonic()
    await _play(found, system, system.ready, steps)
    found.seconds = monotonic() - begun
    steps.step("waiting until everything is said, decided and billed")
    async with _opened(system) as (databases, topics):
        await _come_to_rest(found, Desk(system.ready), databases, topics)
        steps.step("reading what came of it")
        found.outcome = await outcome(Desk(system.ready), databases, topics)
    await _one_patient(found, Desk(system.ready))
    steps.step("verifying")
    found.report = await verify(system.urls, system.settings, plan.site)
    return found


async def _play(found: Shown, system: Access, ready: Ready, steps: Steps) -> None:
    connect = system.settings.kafka_client()
    addresses = {"intake": ready.intake, "placement": ready.placement, "aftercare": ready.aftercare}
    doors, watch = Doors(addresses, ready.tokens), Watch()
    async with reading(connect) as topics, hospital(connect, ready.mllp, found.note) as hospitals:
        await topics.begin(["care.events", "hospital.acks"], at_the_end=True)
        watching = asyncio.create_task(watch.read(topics))
        try:
            players = found.plan.players(doors, watch, found.tally)
            await play(players, hospitals, steps.tick, steps.total)
            if found.plan.morning:
                steps.step("this morning's work")
                await play_morning(doors, watch, ready.mllp, found.plan.now, found.plan.zone)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            doors.close()


async def _come_to_rest(found: Shown, desk: Desk, databases: Mapping[str, Database], topics: Reading) -> None:
    begun = monotonic()
    today = found.plan.ends + timedelta(days=1)
    if not await at_rest(desk, databases, topics, today, REST_SECONDS):
        raise Transient(f"the system did not come to rest within {REST_SECONDS:g} s; its logs say more")
    found.rest = monotonic() - begun


async def _one_patient(found: Shown, desk: Desk) -> None:
    """Choose the episode whose story is shown: the one with the most different kinds of facts."""
    kinds = found.outcome.kinds
    if kinds:
        found.one = await desk.episode(max(sorted(kinds), key=lambda episode: len(kinds[episode])))


@asynccontextmanager
async def _opened(system: Access) -> AsyncIterator[tuple[Mapping[str, Database], Reading]]:
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(reading(system.settings.kafka_client()))
        databases = {name: Database(url, pool=2, application="stepdown-demo") for name, url in system.urls.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        yield databases, topics
