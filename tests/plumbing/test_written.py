"""How far a relay has written is counted in its database and told on ops.writers; a crash in between is no loss."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol import metadata

from shared.errors import Transient
from shared.messaging import written
from shared.messaging.record_batches import batches
from shared.messaging.relay import Relay
from shared.messaging.topics_now import TopicsNow, looking
from shared.messaging.writer_producer import deliver, kafka_transaction
from shared.messaging.written import WRITERS_TOPIC, Place, Written
from shared.recovery import store
from shared.recovery.losses import Loss, losses
from shared.storage.database import Database
from tests.databases import a_topic, everything, make_topics
from tests.plumbing.test_relay import a_relay, commit, let_lapse, records, service

__all__ = ["service"]


async def now(kafka: str, service: str, *topics: str) -> TopicsNow:
    async with looking({"bootstrap_servers": kafka}, service) as each:
        return await each.look(topics)


async def lost(database: Database, kafka: str, service: str, topic: str) -> Sequence[Loss]:
    """By a comparison of what stands now."""
    found = await now(kafka, service, topic)
    tables = await store.tables_now(database, {name: len(each.partitions) for name, each in found.topics.items()})
    return losses(tables, found, tables, [topic])


async def counted(database: Database, topic: str) -> dict[Place, tuple[int, int]]:
    """Partition → how many records, and where the last is."""
    found = await written.load(database)
    return {place: (each.records, each.last_offset) for place, each in found.items() if place[0] == topic}


async def killed_before_it_deletes(relay: Relay, database: Database) -> None:
    """It sends what is in the outbox, and Kafka commits; then it is gone."""
    producer = relay._producer or await relay._new_producer()
    assert producer is not None
    await relay._publish(producer, await relay._oldest())


async def test_table_and_topic_count_alike_and_know_where_the_last_record_is(
    kafka: str, database: Database, service: str
) -> None:
    topic, other = await a_topic(kafka, 3), await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service, partitions=3)
    for first in (0, 20, 100):
        await commit(database, [*records(topic, range(first, first + 20)), *records(other, [first])])
        await relay.once()
    found = await everything(kafka, topic)
    expected = {
        (topic, number): (len(own), own[-1].offset)
        for number in range(3)
        if (own := [record for record in found if record.partition == number])
    }
    assert await counted(database, topic) == expected
    told = (await now(kafka, service, topic)).told
    assert {place: each.records for place, each in told.items() if place[0] == topic} == {
        place: number for place, (number, _) in expected.items()
    }
    assert told[other, 0].records == 3
    assert await lost(database, kafka, service, topic) == []
    await relay.stop()


async def test_all_records_of_a_service_are_on_one_partition_of_ops_writers(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 4)
    relay = a_relay(database, kafka, service, partitions=4)
    await commit(database, records(topic, range(40)))
    await relay.once()
    found = await everything(kafka, WRITERS_TOPIC)
    own = [one for one in found if (one.key or b"").startswith(service.encode() + b"|")]
    assert {one.partition for one in own} == {written.partition_for(service, 2)}
    places = await counted(database, topic)
    assert {one.key for one in own} == {f"{service}|{topic}|{number}".encode() for _, number in places}
    await relay.stop()


async def test_a_crash_between_kafkas_commit_and_the_deletion_is_no_loss_and_counts_once(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    await commit(database, records(topic, range(10)))
    first = a_relay(database, kafka, service)
    await first.once()
    await commit(database, records(topic, range(10, 17)))
    await killed_before_it_deletes(first, database)
    assert (await now(kafka, service, topic)).told[topic, 0].records == 17
    assert await lost(database, kafka, service, topic) == []
    await commit(database, records(topic, range(17, 19)))
    assert await lost(database, kafka, service, topic) == []
    await let_lapse(database)
    again = a_relay(database, kafka, service)
    await again.once()
    assert {place: number for place, (number, _) in (await counted(database, topic)).items()} == {(topic, 0): 19}
    assert len(await everything(kafka, topic)) == 26, "seven were sent twice"
    assert await lost(database, kafka, service, topic) == []
    for one in (first, again):
        await one.stop()


async def test_what_kafka_did_not_commit_is_not_told(kafka: str, database: Database, service: str) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await relay.once()
    await commit(database, records(topic, range(3, 5)))
    with pytest.raises(RuntimeError, match="given up"):
        await _given_up(relay, service, topic)
    assert (await now(kafka, service, topic)).told[topic, 0].records == 3
    assert await lost(database, kafka, service, topic) == []
    await relay.stop()


async def _given_up(relay: Relay, service: str, topic: str) -> None:
    """It tells how far it would have written, and does not commit."""
    producer = relay._producer
    assert producer is not None
    told = written.record_of(service, (topic, 0), Written(5, 2))
    async with kafka_transaction(producer):
        await deliver(producer, WRITERS_TOPIC, written.partition_for(service, 2), batches([told]))
        raise RuntimeError("given up")


async def test_a_relay_sends_nothing_from_a_database_that_was_put_back(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await relay.once()
    kept = await written.load(database)
    await commit(database, records(topic, range(3, 9)))
    await relay.once()
    async with database.begin() as connection:
        await store.set_written(connection, kept)
    await commit(database, records(topic, range(3, 5)))
    with pytest.raises(Transient, match="an older one"):
        await relay.once()
    assert len(await everything(kafka, topic)) == 9
    assert await lost(database, kafka, service, topic) == [Loss("database-older", topic, 0, 4)]
    await relay.stop()


async def test_where_the_count_moved_meanwhile_nothing_is_deleted(kafka: str, database: Database, service: str) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await relay.once()
    await commit(database, records(topic, [3]))
    rows = await relay._oldest()
    async with database.begin() as connection:
        await store.set_written(connection, {(topic, 0): Written(2, 1, 1)})
    await relay._forget(rows, [(topic, 0, 3, 4, 4)])
    with pytest.raises(Transient, match="another relay writes"):
        await relay.once()
    assert [row["id"] for row in await database.alone("SELECT id FROM outbox")] == [row["id"] for row in rows]
    await relay.stop()


async def test_a_topic_that_is_not_there_is_left_out_and_aiokafka_asks_for_no_ids(kafka: str, service: str) -> None:
    """Once aiokafka asks for Kafka's ids of topics, topic_ids.py can go."""
    assert "topic_id" not in inspect.getsource(metadata)
    topic = await a_topic(kafka, 3)
    found = (await now(kafka, service, topic, "nowhere")).topics
    assert {*found} == {topic, WRITERS_TOPIC}
    assert len(found[topic].partitions) == 3


async def test_a_topic_made_anew_has_another_id_where_the_broker_has_ids(kafka: str, service: str) -> None:
    topic = await a_topic(kafka, 1)
    before = (await now(kafka, service, topic)).topics[topic].topic_id
    if before is None:
        pytest.skip("the embedded broker has none")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()
    await make_topics(kafka, [topic], 1)
    after = (await now(kafka, service, topic)).topics[topic].topic_id
    assert after not in {None, before}
