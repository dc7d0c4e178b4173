"""Whether anything is still on its way: outboxes, positions against the topics' ends; and what operators must know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from aiokafka import TopicPartition

from shared.invariants import Broken
from shared.messaging import outbox
from shared.messaging.reading import Reading
from shared.storage.database import Database
from shared.storage.tables import dead_letters, parked, positions
from tools.verify.facts import Offset

Databases = Mapping[str, Database]
_STAND = sa.select(positions).order_by(positions.c.consumer, positions.c.topic, positions.c.partition)
_DEAD = sa.select(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.kafka_offset, dead_letters.c.state)
_PARKED = sa.select(parked.c.topic, parked.c.partition, parked.c.kafka_offset)
NOBODY = ""


async def stands(database: Database) -> list[dict[str, Any]]:
    """The rows of `positions`."""
    return [dict(row._mapping) async for row in database.rows(_STAND)]  # noqa: SLF001 - SQLAlchemy's public way


async def unsent(database: Database) -> int:
    """Records in the outbox."""
    async with database.read() as connection:
        return (await outbox.unsent(connection)).total()


async def settled(databases: Databases, topics: Reading, seconds: float) -> object:
    """Wait until nothing is on its way, seen twice alike: where every consumer stands then; None when that is not so
    after so many seconds.
    """
    end = time.monotonic() + seconds
    before: object = None
    while True:
        at = None if await not_there_yet(databases, topics) else await all_stands(databases)
        if at is not None and at == before:
            return at
        before = at
        if time.monotonic() > end:
            return None
        await asyncio.sleep(0.1)


async def all_stands(databases: Databases) -> object:
    """Where every consumer stands: another value as soon as one of them has received something."""
    return [await stands(database) for database in databases.values()]


async def not_there_yet(databases: Databases, topics: Reading) -> list[Broken]:
    """What is on its way: outboxes that are not empty, consumers that are not at the end, or beyond it."""
    waiting = {service: await unsent(database) for service, database in databases.items()}
    found = [
        Broken(6, f"{service}'s outbox", f"{number} records wait") for service, number in waiting.items() if number
    ]
    rows = [row for database in databases.values() for row in await stands(database)]
    ends = await topics.ends(sorted({row["topic"] for row in rows})) if rows else {}
    places = [(TopicPartition(row["topic"], row["partition"]), row["next_offset"]) for row in rows]
    for row, (slot, at), left in zip(rows, places, await topics.left(places, ends), strict=True):
        name = f"position {row['consumer']}/{slot.partition}"
        if row["topic"] == "hospital.adt" and row["waiting"]:
            found.append(Broken(6, name, f"{row['waiting']} records wait for the lane of long visits"))
        if at > ends.get(slot, 0):
            found.append(Broken(6, name, f"it is beyond the end of {slot.topic}: the topic was made anew"))
        elif left:
            found.append(Broken(6, name, f"{left} records of {slot.topic} are not read yet"))
    return found


async def kept_aside(database: Database, *, but: str = NOBODY) -> tuple[set[Offset], set[Offset], int]:
    """(dead letters and parked facts, discarded ones, how many dead letters wait for the operator) of a service.

    `but`: a consumer that is left out.
    """
    kept: set[Offset] = set()
    discarded: set[Offset] = set()
    dead = 0
    async for topic, partition, offset, state in database.rows(_DEAD.where(dead_letters.c.consumer != but)):
        if state == "discarded":
            discarded.add((topic, partition, offset))
        elif state != "replayed":
            kept.add((topic, partition, offset))
            dead += state != "expired"
    async for topic, partition, offset in database.rows(_PARKED.where(parked.c.consumer != but)):
        kept.add((topic, partition, offset))
    return kept, discarded, dead
