"""Which records of care.events placement can read, and the consumer at work on a real broker."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream.kafka import KafkaBroker

from services.placement.checks import broken
from services.placement.engine import apply
from services.placement.engine.consumer import readable, subscription
from services.placement.rules import Rules
from services.placement.tables import episodes
from shared.clock import SetClock
from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, to_record
from shared.messaging.dead_letter_content import Content
from shared.messaging.dead_letter_desk import content_of
from shared.messaging.outbox import stored, unsent
from shared.storage.database import Database
from shared.storage.tables import dead_letters, positions
from tests import builders
from tests.builders import a_story, admitted, attended, discharged, fact, transferred
from tests.wiring import in_memory, publish

PLACES = {"GOODHEALTH"}


def record(one: Fact) -> Any:
    made = to_record(one, "care.events")
    return SimpleNamespace(key=made.key, value=made.value, headers=made.headers)


def without(one: Fact, *names: str, **other: Any) -> Fact:
    """Without these fields, or with other content in them, on the wire."""
    value = {name: told for name, told in one.as_json.items() if name not in names}
    return replace(one, body=orjson.dumps(value | other))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (without(admitted(), "occurred_at"), "the field occurred_at is missing or unreadable"),
        (without(admitted(), "stay", "level"), "the field stay is missing or unreadable"),
        (without(admitted(), "level"), "the field level is missing or unreadable"),
        (without(admitted(), occurred_at="SECRET"), "the field occurred_at is missing or unreadable"),
        (without(admitted(), occurred_at="2026-03-02T10:00:00"), "the field occurred_at is missing or unreadable"),
        (without(admitted(), occurred_at=7), "the field occurred_at is missing or unreadable"),
        (without(admitted(), stated_at="SECRET"), "the field stated_at is missing or unreadable"),
        (without(admitted(), stay="SECRET"), "the field stay is missing or unreadable"),
        (without(admitted(), stay={"kind": "SECRET", "id": "V1"}), "the field stay.kind is missing or unreadable"),
        (without(admitted(), stay={"kind": "visit"}), "the field stay.id is missing or unreadable"),
        (without(admitted(), replaces=["SECRET"]), "the field replaces is missing or unreadable"),
        (without(admitted(), episode_id="SECRET"), "the episode_id is not the ce_subject"),
        (without(admitted(), patient_id=None), "the field patient_id is missing or unreadable"),
        (without(attended(), date="SECRET"), "the field date is missing or unreadable"),
        (without(attended(), session_id={}), "the field session_id is missing or unreadable"),
        (without(builders.cancelled(admitted()), "cancels"), "the field cancels is missing or unreadable"),
        (
            admitted(facility="SECRET"),
            "the site config has no such facility; add it, then replay the dead letter",
        ),
    ],
)
def test_a_fact_that_the_fold_could_not_read_is_refused_with_its_field(told: Fact, why: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        readable(record(told), has_facility=PLACES.__contains__)
    assert str(refused.value) == why


def test_nothing_is_asked_of_a_type_that_nobody_knows() -> None:
    told = builders.with_value(fact("danced"), {"steps": 3})
    assert readable(record(told), has_facility=PLACES.__contains__) == told


@pytest.mark.parametrize("told", [admitted(), discharged(), attended(), builders.covered(), builders.follow_up("due")])
def test_a_fact_as_its_writer_states_it_is_read(told: Fact) -> None:
    assert readable(record(told), has_facility=PLACES.__contains__) == told


@pytest.fixture
async def topic(kafka: str) -> AsyncIterator[str]:
    """A topic of its own with two partitions."""
    name = f"care.events.{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


async def produced(kafka: str, topic: str, *facts: Fact, raw: tuple[bytes, ...] = ()) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for one in facts:
        made = to_record(one, topic)
        await producer.send_and_wait(topic, made.value, key=made.key, headers=made.headers)
    for value in raw:
        await producer.send_and_wait(topic, value, key=b"odd")
    await producer.stop()


async def handled(database: Database, number: int) -> dict[str, int]:
    """The positions' counts, as soon as so many records were received."""
    names = ("received", "applied", "repeated", "waiting", "dead")
    query = sa.select(*(sa.func.coalesce(sa.func.sum(positions.c[name]), 0).label(name) for name in names))
    async with asyncio.timeout(30):
        while True:
            async with database.read() as connection:
                found = dict((await connection.execute(query)).mappings().one())
            if found["received"] >= number:
                return {name: int(value) for name, value in found.items()}
            await asyncio.sleep(0.05)


async def test_facts_on_a_real_broker_become_episodes_and_what_is_unreadable_a_dead_letter(
    kafka: str, topic: str, database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    stories = [a_story(admitted(episode=f"episode-{n}"), discharged(episode=f"episode-{n}")) for n in range(10)]
    wrong = without(admitted(episode="episode-w", sequence=1), "level")
    taken = replace(discharged(episode="episode-3"), sequence=1)
    broker = KafkaBroker(kafka, allow_auto_create_topics=False, log_level=logging.DEBUG)
    consuming = subscription(database, rules, clock=clock, ids=ids, topic=topic)
    broker.include_router(consuming.router)
    await produced(kafka, topic, *(one for story in stories for one in story), stories[0][0], wrong, taken, raw=(b"{",))
    await broker.start()
    try:
        counts = await handled(database, 24)
    finally:
        await broker.stop()
    assert consuming.refused is None
    assert counts == {"received": 24, "applied": 20, "repeated": 1, "waiting": 0, "dead": 3}
    async with database.read() as connection:
        states = (await connection.execute(sa.select(episodes.c.state))).scalars().all()
        dead = (await connection.execute(sa.select(dead_letters))).all()
        topics = await unsent(connection)
    assert states == ["between"] * 10
    reasons = {row.error: content_of(row, consuming.seal).value for row in dead}
    assert reasons.keys() == {
        "the field level is missing or unreadable",
        "another fact of this writer has this ce_sequence already",
        "ce_specversion is not 1.0, or not there",
    }
    assert reasons["another fact of this writer has this ce_sequence already"] == to_record(taken, "").value
    assert topics["dead.placement"] == 3
    assert [one async for one in broken(database, rules) if one.subject != "outbox"] == []


async def test_facts_that_come_in_any_order_become_an_episode_by_way_of_the_router(
    database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    story = a_story(admitted(), discharged())
    async with in_memory(subscription(database, rules, clock=clock, ids=ids)) as broker:
        for partition, one in enumerate(reversed(story)):
            await publish(broker, to_record(one, "care.events"), partition)
    async with database.read() as connection:
        states = (await connection.execute(sa.select(episodes.c.state))).scalars().all()
        topics = await unsent(connection)
    assert states == ["between"]
    assert "care.episodes" in topics


async def test_a_waiting_fact_that_turns_out_wrong_is_buried_with_what_it_was_parked_with(
    database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    consuming = subscription(database, rules, clock=clock, ids=ids)
    consuming.batches._order = replace(apply.INBOX, own=None)  # as the first version's, which parked such a fact
    heard = fact("danced", writer="placement", sequence=2)
    there, back = transferred("2026-03-05 09:00"), transferred("2026-03-06 09:00", to="inpatient")
    told = [heard, *a_story(admitted(), there, back, discharged())]
    records = [_record(one, offset) for offset, one in enumerate(told)]
    async with in_memory(consuming):
        for batch in (records[:1], records[1:4], records[4:]):  # in the second, placement states its own facts 1 and 2
            await consuming.places.subscriber.process_message(tuple(batch))
    async with database.read() as connection:
        (dead,) = (await connection.execute(sa.select(dead_letters))).all()
        (letter,) = [one for one in await stored(connection) if one.topic == "dead.placement"]
    made = to_record(heard, "care.events")
    assert (dead.topic, dead.partition, dead.kafka_offset) == ("care.events", 0, 0)
    assert content_of(dead, consuming.seal) == Content(made.key, made.value, made.headers)
    assert dict(letter.headers)["x-origin"] == b"care.events/0/0"
    assert [one async for one in broken(database, rules) if one.subject != "outbox"] == []


def _record(one: Fact, offset: int) -> Any:
    made = record(one)
    return SimpleNamespace(topic="care.events", partition=0, offset=offset, **vars(made))
