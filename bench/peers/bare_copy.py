"""The least that keeps records: batches of a topic into a table with `COPY`, the positions in the same transaction.

Arguments: bootstrap servers, topic, database URL, number of records. Prints {"count": …, "seconds": …}, from the first
record until the last commit. What an engine costs is what it takes longer.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

TABLES = """
    DROP TABLE IF EXISTS bare_records, bare_positions;
    CREATE TABLE bare_records (key bytea, partition int, place bigint, value bytea, PRIMARY KEY (partition, place));
    CREATE TABLE bare_positions (partition int PRIMARY KEY, next bigint NOT NULL);
"""
STAND = (
    "INSERT INTO bare_positions VALUES ($1, $2) ON CONFLICT (partition) DO UPDATE SET next = excluded.next "
    "WHERE bare_positions.next <= excluded.next"
)


async def copied(kafka: str, topic: str, url: str, wanted: int) -> float:
    database = await asyncpg.connect(url)
    await database.execute(TABLES)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        slots = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.assign(slots)
        left, began = wanted, 0.0
        while left > 0:
            found = await consumer.getmany(timeout_ms=100, max_records=5000)
            began = began or (time.perf_counter() if found else 0.0)
            rows = [(r.key, r.partition, r.offset, r.value) for part in found.values() for r in part]
            if rows:
                await _keep(database, rows, [(slot.partition, part[-1].offset + 1) for slot, part in found.items()])
            left -= len(rows)
        return time.perf_counter() - began
    finally:
        await consumer.stop()
        await database.execute("DROP TABLE bare_records, bare_positions")
        await database.close()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - without a subscription nobody else asks for it
    return sorted(consumer._client.cluster.partitions_for_topic(topic) or ())  # noqa: SLF001


async def _keep(
    database: asyncpg.Connection, rows: Sequence[tuple[object, ...]], stands: list[tuple[int, int]]
) -> None:
    async with database.transaction():
        await database.executemany(STAND, stands)
        await database.copy_records_to_table("bare_records", records=rows)


def main() -> None:
    kafka, topic, url, wanted = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    print(json.dumps({"count": wanted, "seconds": uvloop.run(copied(kafka, topic, url, wanted))}))


if __name__ == "__main__":
    main()
