"""What a service's tables say of what was written and read, and the mark that `stepdown heal` is under way."""

from __future__ import annotations

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
    "SELECT topic, CASE WHEN partitions IS NULL THEN -1 ELSE partition END, partitions, sum(records)::bigint "
    "FROM outbox GROUP BY 1, 2, 3",
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
_FINISHED = sa.text("DELETE FROM relay_lease WHERE name = 'heal'")


async def tables_now(database: Database, partitions: Mapping[str, int] | None = None) -> TablesNow:
    """What the tables say, as of one instant. `partitions`: topic → how many it has: records in the outbox that were
    written for another number may go to any of them."""
    async with database.read() as connection:
        written, waiting, read, healing = await together(connection, [_WRITTEN, _WAITING, _READ, _HEALING])
    outbox: dict[Place, int] = {}
    for topic, partition, number, records in waiting:
        known = partitions is None or partitions.get(topic) == number
        place = (topic, partition if known else -1)
        outbox[place] = outbox.get(place, 0) + records
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
    """Take the mark away, in the transaction in which the counts are set."""
    await connection.execute(_FINISHED)
