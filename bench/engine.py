"""Placement's real consumer: a backlog of facts until positions, facts, state, periods and relay are all done."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from bench import peers
from bench.asked import Asked
from bench.facts import mean_bytes, records
from bench.producing import produce
from bench.report import Report, Row, at_least, ratios, row
from bench.sizes import EPISODES_AT_A_TIME
from bench.stage import Stage, at_rest, staged, until
from services.placement.tables import facts
from shared.storage.database import Database
from shared.storage.tables import positions
from tools.stack.databases import on_database

BROKERS = ("apache", "embedded")
LIMITS = (
    "Python: a process folds, derives the periods and makes what goes out on one core, and the database waits for it. "
    "Facts of an episode share what a batch of it costs."
)
TRIED = (
    "Batches of 10,000, values that cost little, a relay that sends whole batches, one statement for all writes: "
    "0.7 of the CPU a fact before. The profile has no summit left: periods, announcements and records a quarter, "
    "folding a tenth, decoding (twice, for the gate too) an eighth, the client library a tenth (decision 0142)."
)
LENGTHS = (10, 150)
PROCESSES = (1, 2)
WORDS = {1: "one process", 2: "two processes"}
TOPIC = "care.events"
_TAKEN = sa.select(sa.exists().where(positions.c.received > 0))
STATES = "hospital.acks"  # nobody reads it here: the peers' states go there


async def measure(asked: Asked, report: Report) -> None:
    """Both shapes, with one process of placement and with one a core; each run on a fresh broker and database."""
    for length in LENGTHS:
        beside = peers.Beside()
        for processes in PROCESSES:
            report.rows.append(await _shape(asked, report, length, processes, beside))
    goals = (("Kafka Streams", 1.0), ("Quix Streams", 2.0), ("bare copy", 0.4))
    for one in report.rows:
        for name, wanted in goals:
            report.goals.append(at_least(f"{one.name}: ≥ {wanted:g} × {name}", one.beside.get(name), wanted))


async def _shape(asked: Asked, report: Report, length: int, processes: int, beside: peers.Beside) -> Row:
    """One row; the peers work on the same records in the same runs, before the single process does."""
    found = []
    episodes = max(asked.size // length, 1)
    name = f"{length} facts an episode, {WORDS[processes]}"
    for run in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            number = produce(stage.kafka, records(length, episodes, seed=run))
            if processes == 1:
                await _peers(stage, number, beside, everyone=asked.broker == "apache")
            seconds = await consumed(stage, number, processes)
            await stage.checked("placement")
        found.append(number / seconds)
        asked.say(f"{name}: {found[-1]:.0f}/s")
    size = f"{episodes:,} episodes × {length}, {EPISODES_AT_A_TIME:,} at a time, {mean_bytes(length)} bytes each"
    told = {"beside": ratios(found, dict(beside.rates)), "size": size, "notes": [*beside.notes]}
    return row(name, "facts/s", found, **told)


async def _peers(stage: Stage, number: int, beside: peers.Beside, *, everyone: bool) -> None:
    spare = on_database(stage.system.admin_url, "postgres")
    await beside.ask(peers.COPY, stage.kafka, TOPIC, spare, str(number))
    if everyone:
        await beside.ask(peers.STREAMS, stage.kafka, TOPIC, STATES, str(number))
        await beside.ask(peers.QUIX, stage.kafka, TOPIC, STATES, str(number))


async def consumed(stage: Stage, number: int, processes: int) -> float:
    """Seconds from the first fact taken until all of it is done by the gate too, own facts read again among it."""

    async def begun() -> bool:
        async with database.read() as connection:
            return bool((await connection.execute(_TAKEN)).scalar())

    async def done() -> bool:
        return await at_rest(database, TOPIC, number) and await at_rest(database, TOPIC, number + await _own(database))

    async with stage.database("placement") as database:
        starting = asyncio.create_task(stage.begin_together("placement", processes))
        began = await until(begun, "placement")
        ended = await until(done, "placement")
        await stage.end(*(await starting))
    return ended - began


async def _own(database: Database) -> int:
    async with database.read() as connection:
        own = sa.select(sa.func.count()).where(facts.c.writer == "placement")
        return int((await connection.execute(own)).scalar_one())
