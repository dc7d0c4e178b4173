"""What a service's tables say of what was written and read, and the mark that `stepdown heal` is under way."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from shared.messaging.positions import Slot
from shared.messaging.written import Place, Written
from shared.recovery.losses import ReadUpTo, TablesNow
from shared.storage.database import Connection, Database
from shared.storage.statements import Read, rows, together

_WRITTEN = Read("SELECT topic, partition, records, last_offset, partitions, topic_id, cluster_id FROM written", ())
_WAITING = Read(
    "SELECT topic, partition, partitions, sum(records)::bigint FROM outbox GROUP BY topic, partition, partitions",
    (),
)
_READ = Read("SELECT consumer, topic, partition, next_offset FROM positions", ())
_HEALING = Read("SELECT 1 FROM relay_lease WHERE name = 'heal'", ())
_SET = (
    "INSERT INTO written (topic, partition, records, last_offset, partitions, topic_id, cluster_id) "
    "SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::text[])"
)
_BEGUN = sa.text(
    "INSERT INTO relay_lease (name, holder, until) VALUES ('heal', 'heal', now()) ON CONFLICT (name) DO NOTHING"
)
_HEALED = sa.text(
    "INSERT INTO relay_lease (name, holder, until) VALUES ('healed', :id, now()) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
)
_LAST_HEALED = sa.text("SELECT holder FROM relay_lease WHERE name = 'healed'")
_FINISHED = sa.text("DELETE FROM relay_lease WHERE name = 'heal'")


async def tables_now(database: Database, partitions: Mapping[str, int] | None) -> TablesNow:
    """What the tables say, as of one instant.

    `partitions`: topic → how many it has: records in the outbox that were written for another number may go to any of
    them. None: the outbox is not counted.
    """
    counted = [] if partitions is None else [_WAITING]
    async with database.read() as connection:
        written, read, healing, *waiting = await together(connection, [_WRITTEN, _READ, _HEALING, *counted])
    outbox = Counter[Place]()
    for topic, partition, number, records in waiting[0] if waiting else ():
        known = partitions is not None and partitions.get(topic) == number
        outbox[topic, partition if known else -1] += records
    return TablesNow(
        {(row[0], row[1]): Written(*row[2:]) for row in written},
        outbox,
        [ReadUpTo(consumer, Slot(topic, partition), at) for consumer, topic, partition, at in read],
        bool(healing),
    )


async def set_written(connection: Connection, counts: Mapping[Place, Written]) -> None:
    """Let these counts, and no others, be what is written."""
    await rows(connection, "DELETE FROM written")
    told: list[Sequence[Any]] = [
        (*place, each.records, each.last_offset, each.partitions, each.topic_id, each.cluster_id)
        for place, each in counts.items()
    ]
    if told:
        await rows(connection, _SET, *map(list, zip(*told, strict=True)))


async def heal_begins(database: Database) -> None:
    """Mark that `stepdown heal` is under way: until it has finished, the service is held, whatever is compared."""
    async with database.begin() as connection:
        await connection.execute(_BEGUN)


async def heal_has_finished(connection: Connection) -> None:
    """Take the mark away, in the transaction in which the counts are set, and leave another one that it was done."""
    await connection.execute(_FINISHED)
    await connection.execute(_HEALED, {"id": uuid.uuid4().hex})


async def healed(database: Database) -> str | None:
    """Which `stepdown heal` has finished last; another text after the next one."""
    async with database.read() as connection:
        found: str | None = (await connection.execute(_LAST_HEALED)).scalar()
    return found
