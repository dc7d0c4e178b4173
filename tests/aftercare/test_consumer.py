"""From a record on the real broker to a window in the database; what cannot be read becomes a dead letter."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream.kafka import KafkaBroker

from services.aftercare.app import assemble
from services.aftercare.checks import broken
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.consumer import decode_document, subscription
from shared.clock import SetClock
from shared.errors import InvalidMessage
from shared.facts.envelope import Record, to_record
from shared.settings import Settings
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from shared.storage.tables import dead_letters, positions
from tests.aftercare.builders import LEFT, document, inpatient, told
from tests.aftercare.test_handlers import listed
from tests.wiring import in_memory, publish

SITE = load(SAMPLE)


def record(sent: Record) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("care.episodes", 0, 7, 0, 0, sent.key, sent.value, 0, 0, 0, tuple(sent.headers))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 0}, "version"),
        ({"stays": [{"id": "V1"}]}, "stays"),
        ({"state": "secret-word"}, "state"),
        ({"patient_id": None}, "patient_id"),
        ({"episode_id": "secret-word"}, "different episodes"),
    ],
)
def test_a_document_that_is_not_as_it_must_be_is_refused_by_its_fields(change: dict[str, Any], field: str) -> None:
    value = document(inpatient())
    fact = told(value)
    with pytest.raises(InvalidMessage, match=field) as refused:
        decode_document(record(to_record(fact, "t")._replace(value=orjson.dumps(value | change))))
    assert "secret" not in str(refused.value)


def test_a_document_of_a_type_to_come_is_not_judged() -> None:
    fact = told({"episode_id": "E1", "version": "x"} | {"version": 1}, type="care.episode.v2", subject="E1")
    assert decode_document(record(to_record(fact, "t"))).type == "care.episode.v2"


@pytest.fixture
async def topic(kafka: str) -> AsyncIterator[str]:
    """A topic of this test alone."""
    name = f"care.episodes.{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Poll for a condition with a deadline."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.05)


async def test_records_on_the_broker_become_windows_and_dead_letters(
    kafka: str, topic: str, database: Database
) -> None:
    broker = KafkaBroker(kafka, allow_auto_create_topics=False, log_level=logging.DEBUG)
    rules = Rules(SITE, SetClock(LEFT))
    reading = subscription(database, rules, topic=topic)
    broker.include_router(reading.router)
    await broker.start()
    values = [document(inpatient()), document(inpatient(), version=2), document(inpatient(), version=1)]
    records = [to_record(told(value), topic) for value in values]
    records.insert(1, records[0]._replace(value=b"not JSON"))
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for sent in records:
                await producer.send_and_wait(topic, sent.value, key=sent.key, headers=sent.headers, partition=0)
        await until(lambda: _received(database, reading.consumer_name, len(records)))
    finally:
        await broker.stop()
    assert await listed(database) == {"FUH-7": "due", "FUH-30": "due"}
    async with database.read() as connection:
        letters = (await connection.execute(sa.select(dead_letters.c.error))).scalars().all()
        assert letters == ["the value is not JSON"]
        assert await broken(connection, SITE, SetClock(LEFT)) == []


async def test_a_document_becomes_windows_by_way_of_the_router(database: Database) -> None:
    reading = subscription(database, Rules(SITE, SetClock(LEFT)))
    async with in_memory(reading) as broker:
        await publish(broker, to_record(told(document(inpatient())), "care.episodes"), 0)
    assert await listed(database) == {"FUH-7": "due", "FUH-30": "due"}


async def _received(database: Database, name: str, number: int) -> bool:
    query = sa.select(sa.func.sum(positions.c.received)).where(positions.c.consumer == name)
    async with database.read() as connection:
        return bool((await connection.execute(query)).scalar() == number)


async def test_the_service_is_put_together_from_its_settings(database: Database, kafka: str) -> None:
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    keys = "k1:" + "A" * 43 + "="
    service = assemble(Settings(kafka=kafka, database_url=url, config=SAMPLE, token_secret="k" * 32, message_keys=keys))
    missing = await service.ready()
    await service.database.close()
    assert [s.consumer_name for s in service.subscriptions] == ["aftercare.care.episodes"]
    assert [t.name for t in service.timers] == ["due", "site-config", "idempotency-keys", "desk-retention"]
    assert missing == {"service": "starting", "aftercare.care.episodes": "no partition is assigned yet"}
