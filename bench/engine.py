"""Placement's real consumer: a backlog of facts until positions, facts, state, periods and relay are all done."""

from __future__ import annotations

import sqlalchemy as sa

from bench import peers
from bench.asked import Asked
from bench.facts import mean_bytes, records
from bench.producing import produce
from bench.report import Report, Row, at_least, ratios, row
from bench.sizes import EPISODES_AT_A_TIME
from bench.stage import Stage, at_rest, staged, until
from services.placement.tables import facts
from services.stack.databases import on_database
from shared.db import Database

BROKERS = ("apache", "embedded")
LIMITS = "One Python process folds, derives the periods and writes the records that go out; the database waits for it."
LENGTHS = (10, 150)
STATES = "hospital.acks"  # nobody reads it here: the peers' states go there


async def measure(asked: Asked, report: Report) -> None:
    """Both shapes, each run on a fresh broker and database; peers first, on the same records."""
    for length in LENGTHS:
        report.rows.append(await _shape(asked, report, length))
    goals = (("Kafka Streams", 1.0), ("Quix Streams", 2.0), ("bare copy", 0.4))
    for one in report.rows:
        for name, wanted in goals:
            report.goals.append(at_least(f"{one.name}: ≥ {wanted:g} × {name}", one.beside.get(name), wanted))


async def _shape(asked: Asked, report: Report, length: int) -> Row:
    beside, found = peers.Beside(), []
    episodes = max(asked.size // length, 1)
    for run in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            number = produce(stage.kafka, records(length, episodes, seed=run))
            await _peers(stage, number, beside, everyone=asked.broker == "apache")
            seconds = await consumed(stage, number)
            await stage.checked("placement")
        found.append(number / seconds)
        asked.say(f"{length} facts an episode: {found[-1]:.0f}/s")
    size = f"{episodes:,} episodes × {length}, {EPISODES_AT_A_TIME:,} at a time, {mean_bytes(length)} bytes each"
    told = {"beside": ratios(found, dict(beside.rates)), "size": size, "notes": [*beside.notes]}
    return row(f"{length} facts an episode", "facts/s", found, **told)


async def _peers(stage: Stage, number: int, beside: peers.Beside, *, everyone: bool) -> None:
    spare = on_database(stage.system.admin_url, "postgres")
    await beside.ask(peers.COPY, stage.kafka, "care.events", spare, str(number))
    if everyone:
        await beside.ask(peers.STREAMS, stage.kafka, "care.events", STATES, str(number))
        await beside.ask(peers.QUIX, stage.kafka, "care.events", STATES, str(number))


async def consumed(stage: Stage, number: int) -> float:
    """Seconds from when placement is ready until all of it is done, its own facts read again among it."""
    began = await stage.begin("placement")

    async def done() -> bool:
        return await at_rest(database, number) and await at_rest(database, number + await _own(database))

    async with stage.database("placement") as database:
        ended = await until(done, "placement")
    await stage.end("placement")
    return ended - began


async def _own(database: Database) -> int:
    async with database.read() as connection:
        own = sa.select(sa.func.count()).where(facts.c.writer == "placement")
        return int((await connection.execute(own)).scalar_one())
