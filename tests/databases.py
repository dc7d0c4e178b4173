"""Databases and topics for tests: made with a random name on the real servers, and taken away again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy.ext.asyncio import create_async_engine

from shared.messaging.written import WRITERS_TOPIC
from shared.storage import migrations
from shared.storage.database import Database


def driver_url(url: str, name: str | None = None) -> str:
    """An admin URL as SQLAlchemy's asyncpg wants it, for another database of the server if one is named."""
    made = sa.make_url(url).set(drivername="postgresql+asyncpg")
    return (made.set(database=name) if name else made).render_as_string(hide_password=False)


@asynccontextmanager
async def a_database(admin_url: str) -> AsyncIterator[Database]:
    """An empty database with a random name; gone afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = create_async_engine(driver_url(admin_url), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    database = Database(driver_url(admin_url, name))
    try:
        yield database
    finally:
        await database.close()
        async with admin.connect() as connection:
            await connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        await admin.dispose()


async def empty(database: Database, tables: Iterable[str]) -> None:
    """Leave nothing in these tables: for the few rows of a test, DELETE takes a hundredth of the time of TRUNCATE."""
    parts = ", ".join(f"emptied_{number} AS (DELETE FROM {table})" for number, table in enumerate(tables))
    async with database.begin() as connection:
        await connection.execute(sa.text(f"WITH {parts} SELECT 1"))


async def migrate(database: Database, service: str, revision: str = "head") -> None:
    """Give an empty database a service's tables, as `stepdown db migrate` does; or those of an older version."""
    found = migrations.folder(f"services.{service}")
    assert found is not None
    await migrations.upgrade(database.engine.url.render_as_string(hide_password=False), found, revision)


async def a_topic(bootstrap: str, partitions: int = 2, **configured: str) -> str:
    """A new topic with a random name; `configured`: its settings, with _ for each dot."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    await make_topics(bootstrap, [name], partitions, **configured)
    return name


async def make_topics(bootstrap: str, names: Sequence[str], partitions: int = 2, **configured: str) -> None:
    """Make topics by their names, and the one on which relays tell how far they have written."""
    settings = {name.replace("_", "."): value for name, value in configured.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings) for name in names])
        await admin.create_topics([NewTopic(WRITERS_TOPIC, 2, 1)])
    finally:
        await admin.close()


async def produce(
    bootstrap: str, topic: str, records: Sequence[tuple[bytes, bytes | None, list[tuple[str, bytes]]]]
) -> None:
    """Send (key, value, headers) to a topic and wait for all."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for key, value, headers in records:
            await producer.send(topic, value, key=key, headers=headers)
        await producer.flush()
    finally:
        await producer.stop()


async def everything(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """All committed records of a topic, partition by partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        slots = [TopicPartition(topic, p) for p in sorted(await _partitions(consumer, topic))]
        consumer.assign(slots)
        ends = await consumer.end_offsets(slots)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(slot) < ends[slot] for slot in slots]):
            for part in (await consumer.getmany(timeout_ms=200)).values():
                found += part
        return sorted(found, key=lambda r: (r.partition, r.offset))
    finally:
        await consumer.stop()


async def in_transaction(bootstrap: str, topic: str) -> list[int]:
    """Partitions whose last records nobody reads yet: Kafka answers a commit before it has marked every partition."""
    last, stable = [await _ends(bootstrap, topic, level) for level in ("read_uncommitted", "read_committed")]
    return sorted(slot.partition for slot, end in last.items() if stable[slot] < end)


async def _ends(bootstrap: str, topic: str, level: str) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=level)
    await consumer.start()
    try:
        slots = [TopicPartition(topic, p) for p in await _partitions(consumer, topic)]
        return dict(await consumer.end_offsets(slots))
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    await consumer._client._wait_on_metadata(topic)
    return set(consumer._client.cluster.partitions_for_topic(topic) or ())
