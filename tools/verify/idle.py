"""Whether any record is still on its way: rows in outboxes, and consumers that are not at the end of their topics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import sqlalchemy as sa
from aiokafka import TopicPartition

from shared.invariants import Broken
from shared.messaging import outbox
from shared.messaging.positions import StoredPosition, all_positions
from shared.messaging.reading import Reading
from shared.storage.database import Database
from shared.storage.tables import dead_letters, parked
from tools.verify.facts import Offset

Databases = Mapping[str, Database]
_DEAD = sa.select(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.kafka_offset, dead_letters.c.state)
_PARKED = sa.select(parked.c.topic, parked.c.partition, parked.c.kafka_offset)
NOBODY = ""


async def stands(database: Database) -> list[StoredPosition]:
    """The positions of a service's consumers."""
    async with database.read() as connection:
        return await all_positions(connection)


async def unsent(database: Database) -> int:
    """The number of records in a service's outbox."""
    async with database.read() as connection:
        return (await outbox.unsent(connection)).total()


async def until_idle(databases: Databases, topics: Reading, seconds: float) -> object:
    """Wait until nothing is on its way and two looks, 0.1 s apart, show the same; returns the positions of all
    consumers then, or None where that takes more than `seconds`.
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
    """The positions of all consumers: a value that differs as soon as one of them has received anything."""
    return [await stands(database) for database in databases.values()]


async def not_there_yet(databases: Databases, topics: Reading) -> list[Broken]:
    """What is on its way: outboxes that are not empty, consumers that are not at the end of their topic or are beyond
    it, and messages that wait for intake's lane of long visits."""
    waiting = {service: await unsent(database) for service, database in databases.items()}
    found = [
        Broken(6, f"{service}'s outbox", f"{number} records wait") for service, number in waiting.items() if number
    ]
    rows = [row for database in databases.values() for row in await stands(database)]
    ends = await topics.ends(sorted({row.topic for row in rows})) if rows else {}
    places = [(TopicPartition(row.topic, row.partition), row.next_offset) for row in rows]
    for row, (slot, at), left in zip(rows, places, await topics.left(places, ends), strict=True):
        name = f"position {row.consumer}/{slot.partition}"
        if row.topic == "hospital.adt" and row.waiting:
            found.append(Broken(6, name, f"{row.waiting} records wait for the lane of long visits"))
        if at > ends.get(slot, 0):
            found.append(Broken(6, name, f"it is beyond the end of {slot.topic}: the topic was made anew"))
        elif left:
            found.append(Broken(6, name, f"{left} records of {slot.topic} are not read yet"))
    return found


async def kept_aside(database: Database, *, but: str = NOBODY) -> tuple[set[Offset], set[Offset], int]:
    """Records that a service has not applied: (dead letters and parked facts, discarded ones, how many dead letters
    wait for an operator). `but`: a consumer whose records are left out.
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
