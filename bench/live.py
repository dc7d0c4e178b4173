"""The engine as a hospital's day feeds it: batches in which most episodes have one fact or two, never a backlog.

Facts come onto the topic in slices, one slice before the service is done with the one before: it never waits, and its
batches are about as large as a slice. How many facts an episode then has in a batch is read from the service's audit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa

from bench.consuming import Consumed, all_done, applied, begun
from bench.producing import producer, send
from bench.stage import Stage, until
from services.placement.tables import episodes
from shared.facts.envelope import Record
from shared.storage.database import Database
from shared.storage.tables import audit

SLICE = 1000
AHEAD = 1000
"""So many facts may lie there untouched while others are worked on."""
LINGER = 2  # milliseconds for which the producer gathers a slice
_BATCHES = sa.select(sa.func.count()).where(audit.c.action == "facts-applied")
_TOUCHED = sa.select(sa.func.sum(episodes.c.version))
"""Each batch that touches an episode gives it another version."""


class Live(NamedTuple):
    """What it took; facts a touched episode had in a batch, and facts a batch, on average."""

    consumed: Consumed
    touched: float
    batch: float


async def lived(stage: Stage, made: Iterator[Record]) -> Live:
    """From the first fact sent until all is done by the gate and the relay too."""
    async with stage.database("placement") as database:
        await stage.begin("placement")
        await until(lambda: begun(database), "placement")
        before, began = stage.cpu("placement"), time.monotonic()
        number = await _sent(stage.kafka, made, database)
        ended = await until(lambda: all_done(database, number), "placement")
        took = Consumed(number, ended - began, stage.cpu("placement") - before)
        await stage.end("placement")
        async with database.read() as connection:
            batches, touched = [(await connection.execute(each)).scalar_one() for each in (_BATCHES, _TOUCHED)]
    return Live(took, number / float(touched), number / batches)


async def _sent(kafka: str, made: Iterator[Record], database: Database) -> int:
    """Send all, the next slice as soon as no more than AHEAD are left; how many there were."""
    sender, number = producer(kafka, LINGER), 0
    while part := list(islice(made, SLICE)):
        await until(partial(_is_near, database, number), "placement")
        number += await asyncio.to_thread(send, sender, part)
    return number


async def _is_near(database: Database, sent: int) -> bool:
    return sent - await applied(database) <= AHEAD
