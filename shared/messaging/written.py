"""How far a service's relay has written to each partition: counted in its database, and told on the topic ops.writers.

The relay's record on ops.writers is in the Kafka transaction of the records that it counts. The row of the table
`written` changes in the statement that deletes these records from the outbox. A record that is sent again after a crash
between the two is counted once. So at any instant, for each partition (contract 5.8):

    counted in the table ≤ told on ops.writers ≤ counted in the table + waiting in the outbox
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from shared.errors import InvalidMessage
from shared.messaging.record_batches import StampedRecord, partition_of
from shared.storage.database import Database
from shared.values import replace, value_object

WRITERS_TOPIC = "ops.writers"
Place = tuple[str, int]
"""A topic, and the number of one of its partitions."""

_LOAD = "SELECT topic, partition, records, last_offset, partitions, topic_id, cluster_id FROM written"
_BEGIN = (
    "INSERT INTO written (topic, partition, records, last_offset, partitions, topic_id, cluster_id) "
    "SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::text[]) "
    "ON CONFLICT (topic, partition) DO UPDATE SET partitions = excluded.partitions, topic_id = excluded.topic_id, "
    "cluster_id = excluded.cluster_id WHERE written.topic_id IS NULL AND excluded.topic_id IS NOT NULL"
)
# Nothing is deleted where one of the counts is not what this relay left there. It is not waited for until it is on the
# disk: what the database loses with it is sent again, as after a crash before it, and it is the last that was sent, so
# that no older record follows a newer one (decision 0107).
MOVED = (
    "WITH n AS (SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[]) "
    "AS n(topic, partition, before, after, last)), "
    "moved AS (UPDATE written AS w SET records = n.after, last_offset = n.last FROM n "
    "WHERE w.topic = n.topic AND w.partition = n.partition AND w.records = n.before "
    "AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off' RETURNING 1), "
    "gone AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]) "
    "AND (SELECT count(*) FROM moved) = (SELECT count(*) FROM n))"
)
"""Beginning of a statement that moves counts of partitions on and deletes rows of the outbox. Parameters: `Done`."""
ALL_MOVED = "(SELECT count(*) FROM moved) = (SELECT count(*) FROM n) AS all_moved"
MOVE = f"{MOVED} SELECT {ALL_MOVED}"
Move = tuple[str, int, int, int, int]
"""How a pass moved a partition's count: topic, number, the count before and after, the offset of the last record."""


class Done(NamedTuple):
    """What a pass has put on Kafka: `ids` of rows of the outbox, and how the counts moved by them."""

    ids: Sequence[int] = ()
    moves: Sequence[Move] = ()

    def given(self) -> list[list[Any]]:
        """The parameters of a statement that begins with MOVED."""
        return [list(self.ids), *(map(list, zip(*self.moves, strict=True)) if self.moves else ([], [], [], [], []))]


@value_object
class Written:
    """How far a relay has written to one partition.

    `records`: how many records of its outbox are there. `last_offset`: where the last of them is; -1 before the first.
    `partitions`: how many the topic has; 0: not known. `topic_id`: Kafka's id of the topic, another one when it is made
    anew; None: the broker has none. `cluster_id`: Kafka's id of the cluster.
    """

    records: int = 0
    last_offset: int = -1
    partitions: int = 0
    topic_id: str | None = None
    cluster_id: str | None = None

    def lacks_ids_of(self, other: Written) -> bool:
        """True where this one was begun without Kafka's ids, and the other one has them."""
        return self.topic_id is None and other.topic_id is not None

    def plus(self, number: int) -> Written:
        """So many records further; where the last of them is, is not known yet."""
        return replace(self, records=self.records + number)

    def at(self, records: int, last_offset: int) -> Written:
        """With this count and this last offset."""
        return replace(self, records=records, last_offset=last_offset)


async def load(database: Database) -> dict[Place, Written]:
    """What a database has counted."""
    return {(row[0], row[1]): Written(*row[2:]) for row in await database.alone(_LOAD)}


async def begin(database: Database, counts: Mapping[Place, Written]) -> None:
    """Begin to count for partitions that have no count yet; one that is there stays, and gets the ids that it lacks."""
    rows = [
        (*place, each.records, each.last_offset, each.partitions, each.topic_id, each.cluster_id)
        for place, each in counts.items()
    ]
    if rows:
        await database.alone(_BEGIN, *map(list, zip(*rows, strict=True)))


def partition_for(service: str, partitions: int) -> int:
    """The partition of ops.writers that has all of a service's records, so that a start reads one partition."""
    return partition_of(service.encode(), partitions)


def record_of(service: str, place: Place, count: Written) -> StampedRecord:
    """The record on ops.writers; its time is now."""
    topic, partition = place
    told: dict[str, Any] = {
        "service": service,
        "topic": topic,
        "partition": partition,
        "records": count.records,
        "last_offset": count.last_offset,
    }
    key = f"{service}|{topic}|{partition}".encode()
    return StampedRecord(time.time_ns() // 1_000_000, key, orjson.dumps(told), _HEADERS)


_HEADERS = [("content-type", b"application/json")]


def told_in(value: bytes | None) -> tuple[str, Place, Written]:
    """What a record of ops.writers tells: the service, the partition, how far. Raises InvalidMessage."""
    try:
        told = orjson.loads(value or b"")
        return told["service"], (told["topic"], told["partition"]), Written(told["records"], told["last_offset"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise InvalidMessage("a record of ops.writers does not tell how far a service has written") from None
