"""Placement's own process reading care.events: when it begins and when all of it is done, and what CPU it took."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import sqlalchemy as sa

from bench.stage import Stage, at_rest, until
from services.placement.engine.apply import CONSUMER
from services.placement.tables import facts
from shared.storage.database import Database
from shared.storage.tables import positions

TOPIC = "care.events"
_OF_THE_ENGINE = sa.and_(positions.c.consumer == CONSUMER, positions.c.topic == TOPIC)
_BEGUN = sa.select(sa.exists().where(_OF_THE_ENGINE))
_APPLIED = sa.select(sa.func.coalesce(sa.func.sum(positions.c.applied), 0)).where(_OF_THE_ENGINE)
_OWN = sa.select(sa.func.count()).where(facts.c.writer == "placement")


class Consumed(NamedTuple):
    """Of so many facts: seconds by the clock, and seconds of CPU of the service's processes."""

    facts: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds

    @property
    def each(self) -> float:
        """Microseconds of CPU a fact."""
        return 1e6 * self.cpu / self.facts


async def consumed(stage: Stage, number: int, processes: int) -> Consumed:
    """A backlog: from when the engine has its partitions, before it reads, until all is done by the gate and the relay
    too, own facts read again among it."""
    async with stage.database("placement") as database:
        starting = asyncio.create_task(stage.begin_together("placement", processes))
        began = await until(lambda: begun(database), "placement")
        names = ("placement", *(f"placement-{nth}" for nth in range(2, processes + 1)))
        before = stage.cpu(*names)
        ended = await until(lambda: all_done(database, number), "placement")
        found = Consumed(number, ended - began, stage.cpu(*names) - before)
        await stage.end(*(await starting))
    return found


async def begun(database: Database) -> bool:
    """Whether the engine has partitions: it stores where it begins to read before it reads."""
    async with database.read() as connection:
        return bool((await connection.execute(_BEGUN)).scalar())


async def applied(database: Database) -> int:
    """How many of intake's facts the engine has applied."""
    async with database.read() as connection:
        return int((await connection.execute(_APPLIED)).scalar_one())


async def all_done(database: Database, number: int) -> bool:
    """Whether so many facts, and those that placement stated itself, are through engine, gate and relay."""
    return await at_rest(database, TOPIC, number) and await at_rest(database, TOPIC, number + await _own(database))


async def _own(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(_OWN)).scalar_one())
