"""Placement's real consumer: a backlog of facts, a hospital's day, one fact at a time; and the CPU of a fact."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench import peers
from bench.asked import Asked
from bench.consuming import TOPIC, Consumed, consumed
from bench.facts import mean_bytes, records
from bench.feed import feed_of
from bench.live import SLICE, lived
from bench.producing import make_topic, produce
from bench.report import Report, Row, at_least, ratios, row
from bench.single import one_by_one
from bench.sizes import EPISODES_AT_A_TIME, FACTS_ONE_BY_ONE, TEXTBOOK_FACTS, WARMING_FACTS
from bench.stage import Stage, staged
from shared.facts.envelope import Record
from tools.stack.databases import on_database

BROKERS = ("apache", "embedded")
LIMITS = (
    "Python: a process folds, derives the periods and makes what goes out on one core, and the database waits for it. "
    "Facts of an episode share what a batch of it costs; where a batch has one or two of each, little is shared."
)
TRIED = (
    "Batches of 10,000, values that cost little, a relay that sends whole batches, one statement for all writes: "
    "0.7 of the CPU a fact before (decision 0142). Announcements and periods derived only where something changed that "
    "they read, fewer collections of garbage: 0.87 to 0.89. A batch worked off episode by episode: 1.15 × as much as "
    "in phases. A large batch written in parts while the next part is worked out (decision 0223), values copied and "
    "compared at less cost: 0.97 of the CPU in a backlog, 0.9 in the live shape. What is left is Python that derives; "
    "see below, step by step."
)
LENGTHS = (10, 150)
PROCESSES = (1, 2)
WORDS = {1: "one process", 2: "two processes"}
STATES = "hospital.acks"  # nobody reads it here: the peers' states go there
WARMING = "bench.warming"
SENT = {10: ("0.9", "1200"), 150: ("0.27", "1300")}
"""Facts of an episode → records that placement sends a fact, and bytes of each with its headers; measured."""
LIVE, SINGLE = "live shape, one process", "one fact at a time"
TEN = "10 facts an episode, one process"
GOALS = {TEN: 8_000, "150 facts an episode, one process": 13_000, LIVE: 3_500}
"""Row → facts a second."""
AIMS = {TEN: " (aim: 12,000)"}
BESIDE = ((peers.STREAMS_LIGHT, 0.9), (peers.STREAMS, 0.6))
"""Peer, and how many times as fast the row TEN should be."""


async def measure(asked: Asked, report: Report) -> None:
    """Both shapes of a backlog, with one process of placement and with one a core, then the others; each run of a
    service on a fresh broker and database."""
    for length in LENGTHS:
        beside = peers.Beside(asked.say)
        for processes in PROCESSES:
            report.rows += await _backlog(asked, report, length, processes, beside)
    report.rows += await _live(asked, report)
    report.rows += await _single(asked)
    _goals(report)


def _goals(report: Report) -> None:
    found = {one.name: one for one in report.rows}
    for name, wanted in GOALS.items():
        report.goals.append(at_least(f"{name}: ≥ {wanted:,} facts/s{AIMS.get(name, '')}", found[name].value, wanted))
    for peer, ratio in BESIDE:
        report.goals.append(at_least(f"{TEN}: ≥ {ratio:g} × {peer.name}", found[TEN].beside.get(peer.name), ratio))


async def _backlog(asked: Asked, report: Report, length: int, processes: int, beside: peers.Beside) -> list[Row]:
    """Two rows; the peers work on the same records in the same runs, before the single process does."""
    found: list[Consumed] = []
    episodes = max(asked.size // length, 1)
    name = f"{length} facts an episode, {WORDS[processes]}"
    for run in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            number = produce(stage.kafka, records(length, episodes, seed=run))
            if processes == 1:
                await _peers(stage, asked, length, number, beside)
            found.append(await consumed(stage, number, processes))
            await stage.checked("placement")
        asked.say(f"{name}: {found[-1].rate:.0f}/s, {found[-1].each:.0f} µs of CPU a fact")
    size = f"{episodes:,} episodes × {length}, {EPISODES_AT_A_TIME:,} at a time, {mean_bytes(length)} bytes each"
    return _rows(name, found, beside=ratios([one.rate for one in found], dict(beside.rates)), size=size,
                 notes=[*beside.notes])  # fmt: skip


def _rows(name: str, found: list[Consumed], **told: object) -> list[Row]:
    return [
        row(name, "facts/s", [one.rate for one in found], **told),
        row(f"{name}, CPU of the service", "µs a fact", [one.each for one in found]),
    ]


async def _peers(stage: Stage, asked: Asked, length: int, number: int, beside: peers.Beside) -> None:
    spare = on_database(stage.system.admin_url, "postgres")
    few = str(min(number, TEXTBOOK_FACTS // (10 if asked.quick else 1)))
    await beside.ask(peers.TEXTBOOK, stage.kafka, TOPIC, spare, few)
    await beside.ask(peers.COPY, stage.kafka, TOPIC, spare, str(number))
    if asked.broker == "apache":
        await beside.ask(peers.STREAMS_LIGHT, stage.kafka, TOPIC, STATES, str(number))
        await beside.ask(peers.QUIX, stage.kafka, TOPIC, STATES, str(number))
        make_topic(stage.kafka, WARMING)
        warming = produce(stage.kafka, _warming(length, WARMING_FACTS // (10 if asked.quick else 1)))
        await beside.ask(peers.STREAMS, stage.kafka, WARMING, TOPIC, STATES, str(warming), str(number), *SENT[length])


def _warming(length: int, number: int) -> Iterator[Record]:
    """Facts of other episodes, on a topic that only the peer reads."""
    made = records(length, number // length, first=10_000_000)
    return (one._replace(topic=WARMING) for one in made)


async def _live(asked: Asked, report: Report) -> list[Row]:
    found, touched, batches = list[Consumed](), list[float](), list[float]()
    for run in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            one = await lived(stage, records(10, max(asked.size // 10, EPISODES_AT_A_TIME), seed=run))
            await stage.checked("placement")
        found.append(one.consumed)
        touched.append(one.touched)
        batches.append(one.batch)
        asked.say(
            f"{LIVE}: {one.consumed.rate:.0f}/s, {one.touched:.1f} facts an episode in a batch of {one.batch:.0f}"
        )
    size = (
        f"{EPISODES_AT_A_TIME:,} episodes × 10 at a time, in slices of {SLICE:,}: {median(touched):.1f} facts of each "
        f"episode in a batch of {median(batches):,.0f}"
    )
    return _rows(LIVE, found, size=size)


async def _single(asked: Asked) -> list[Row]:
    number = FACTS_ONE_BY_ONE // (10 if asked.quick else 1)
    async with staged("embedded") as stage, stage.database("placement") as database:
        feed = await feed_of(database)
        found = [await one_by_one(feed, number, run) for run in range(asked.runs)]
        await stage.checked("placement")
    size = f"{number:,} facts, a transaction each, without broker and relay"
    return [
        row(SINGLE, "ms", [one.wall for one in found], size=size),
        row(f"{SINGLE}, CPU of Python", "µs a fact", [one.cpu for one in found]),
    ]
