"""Compares one service's tables with Kafka; and sets both counterparts to what stands, once they are in line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from shared.messaging import written
from shared.messaging.broker_quirks import close_for_good
from shared.messaging.record_batches import batches
from shared.messaging.topics_now import Looking, TopicsNow, looking
from shared.messaging.writer_names import WriterNames
from shared.messaging.writer_producer import Producer, deliver, fenced_producer, kafka_transaction
from shared.messaging.written import WRITERS_TOPIC, Place, Written
from shared.recovery import store
from shared.recovery.losses import Loss, TablesNow, losses
from shared.storage.database import Database

ReadTold = Literal["all", "new", "none"]
"""How much of ops.writers is read. `new`: what came after the last record there that the database counted, which is all
that can matter where the database is of one piece."""


async def compare(
    database: Database, before: TablesNow, looking: Looking, watched: Iterable[str], *, told: ReadTold = "new"
) -> tuple[list[Loss], TopicsNow]:
    """What was lost, nothing where tables and topics are in line; and the topics as they are now.

    `before`: what the tables said a moment ago. `watched`: the topics that the service writes to. `told`: how much of
    ops.writers is read. Raises Transient where the broker or the database does not answer.
    """
    mine = {*watched}
    topics = {*mine, *(topic for topic, _ in before.written), *(each.slot.topic for each in before.read)}
    counted = max((each.last_offset for (name, _), each in before.written.items() if name == WRITERS_TOPIC), default=-1)
    start = {"all": 0, "new": counted + 1, "none": None}[told]
    now = await looking.look(topics, start)
    numbers = None if start is None else {name: len(each.partitions) for name, each in now.topics.items()}
    return losses(before, now, await store.tables_now(database, numbers), mine), now


async def held_by(
    database: Database, service: str, connect: Mapping[str, Any], watched: Iterable[str], *, told: ReadTold = "new"
) -> list[Loss]:
    """Whether a service has to be held, and why: the losses that stand now. For a look from outside, by doctor, verify
    and heal; a running service has a `Guard`."""
    async with looking(connect, service) as each:
        return (await compare(database, await store.tables_now(database, None), each, watched, told=told))[0]


async def adopt(database: Database, now: TopicsNow, watched: Iterable[str]) -> None:
    """Begin to count where nothing is counted yet: what is on Kafka is taken for what belongs there."""
    known = await written.load(database)
    stand = _as_they_stand(now, watched, {})
    new = {place: count for place, count in stand.items() if place not in known or known[place].lacks_ids_of(count)}
    await written.begin(database, new)


@asynccontextmanager
async def only_writer(database: Database, service: str, connect: Mapping[str, Any]) -> AsyncIterator[Producer]:
    """Hold the service and be its only writer: the mark of `stepdown heal` is set, its relays' names are fenced, and
    the producer writes under a new one. The mark stays until `in_line` takes it away.

    Raises Transient, KafkaError or OSError where the database or the broker is away.
    """
    await store.heal_begins(database)
    producer = await fenced_producer(WriterNames(database, service), connect)
    try:
        yield producer
    finally:
        await close_for_good(producer)


async def in_line(
    database: Database, service: str, connect: Mapping[str, Any], producer: Producer, watched: Iterable[str]
) -> dict[Place, Written]:
    """Set both counterparts to what stands now, and let the service go on; the counts by partition.

    Call it inside `only_writer`, once tables and topics are in line. Records that wait in the outbox stay there and are
    counted when the relay sends them. A crash in between leaves the service held.
    """
    async with looking(connect, service) as each:
        now = await each.look({*watched}, 0)
    had = await written.load(database)
    known = {place: max(_records(had, place), _records(now.told, place)) for place in {*had, *now.told}}
    counts = _as_they_stand(now, watched, known)
    own = (WRITERS_TOPIC, written.partition_for(service, len(now.topics[WRITERS_TOPIC].partitions)))
    told = [written.record_of(service, place, count) for place, count in counts.items() if place != own]
    async with kafka_transaction(producer):
        end = await deliver(producer, *own, batches(told))
    counts[own] = counts[own].plus(len(told)).at(counts[own].records + len(told), end)
    async with database.begin() as connection:
        await store.set_written(connection, counts)
        await store.heal_has_finished(connection)
    return counts


def _records(counts: Mapping[Place, Written], place: Place) -> int:
    return counts.get(place, Written()).records


def _as_they_stand(now: TopicsNow, watched: Iterable[str], records: Mapping[Place, int]) -> dict[Place, Written]:
    """The counts for every partition of these topics and of ops.writers, with the ends and ids that they have now."""
    return {
        (name, number): Written(
            records.get((name, number), 0), ends.end - 1, len(topic.partitions), topic.topic_id, now.cluster_id
        )
        for name, topic in sorted(now.topics.items())
        if name in {*watched, WRITERS_TOPIC}
        for number, ends in enumerate(topic.partitions)
    }
