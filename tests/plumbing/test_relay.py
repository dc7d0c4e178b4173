"""What a service commits reaches Kafka: in order, whole passes at a time, whoever leads, whatever goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import ConsumerRecord

from shared.errors import Transient
from shared.facts.envelope import Record
from shared.messaging import outbox as outgoing
from shared.messaging.dead_letter_content import Content
from shared.messaging.dead_letter_desk import content_of
from shared.messaging.relay import Relay
from shared.storage.database import Database
from shared.storage.tables import dead_letters, outbox, relay_lease
from tests.databases import a_topic, everything
from tests.servers import running
from tests.waiting import until
from tools.stack.broker import Broker
from tools.stack.folder import claim, ports


def records(topic: str, numbers: Sequence[int], keys: int = 5, size: int = 1) -> list[Record]:
    """Numbered records that go round the keys."""
    return [
        Record(topic, b"k%d" % (n % keys), b"%d" % n * size, [("ce_id", b"id%d" % n), ("ce_sequence", b"%d" % n)])
        for n in numbers
    ]


async def commit(database: Database, made: Sequence[Record]) -> None:
    async with database.begin() as connection:
        await outgoing.send(connection, made)


async def waiting(database: Database) -> int:
    async with database.read() as connection:
        return (await outgoing.unsent(connection)).total()


async def is_empty(database: Database) -> bool:
    return await waiting(database) == 0


def ids(found: Sequence[ConsumerRecord]) -> list[str]:
    return [dict(record.headers)["ce_id"].decode() for record in found]


def by_key(found: Sequence[ConsumerRecord]) -> dict[bytes, list[int]]:
    order: dict[bytes, list[int]] = defaultdict(list)
    for record in found:
        order[record.key].append(int(record.value))
    return order


def a_relay(database: Database, kafka: str, service: str, **given: Any) -> Relay:
    return Relay(database, service, {"bootstrap_servers": kafka}, **({"poll": 0.05, "lease": 1.0} | given))


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await relay.stop()
        await asyncio.wait_for(task, 10)


@pytest.fixture
def service() -> str:
    return f"svc-{uuid.uuid4().hex[:8]}"


async def let_lapse(database: Database) -> None:
    """The leader was silent for longer than its lease."""
    async with database.begin() as connection:
        await connection.execute(sa.update(relay_lease).values(until=sa.func.now() - sa.text("interval '1 s'")))


async def test_what_was_committed_arrives_whole_and_each_key_in_its_order(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 3)
    async with relaying(a_relay(database, kafka, service, chunk=30)):
        for first in range(0, 200, 20):
            await commit(database, records(topic, range(first, first + 20)))
        await until(lambda: is_empty(database))
    found = await everything(kafka, topic)
    assert sorted(by_key(found)) == [b"k%d" % n for n in range(5)]
    assert all(order == list(range(int(key[1:]), 200, 5)) for key, order in by_key(found).items())
    assert found[0].headers == (("ce_id", found[0].headers[0][1]), ("ce_sequence", found[0].value))


async def test_a_pass_that_does_not_end_is_read_by_nobody(kafka: str, database: Database, service: str) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(10)))
    await relay.once()
    producer = relay._producer
    assert producer is not None
    await producer.begin_transaction()
    await (await producer.send(topic, b"99", key=b"k0"))  # sent, and then the process is gone
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(10))
    next_one = a_relay(database, kafka, service)
    await let_lapse(database)
    await commit(database, records(topic, range(10, 12)))
    assert await next_one.once() == 2
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(12))
    await next_one.stop()
    await relay.stop()


async def test_a_crash_between_publishing_and_forgetting_gives_true_repeats(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(10)))
    rows = await _rows(database)
    await relay.once()
    async with database.begin() as connection:  # as if the deletion had not been committed
        await connection.execute(outbox.insert(), [dict(row) for row in rows])
    again = a_relay(database, kafka, service)
    await let_lapse(database)
    await again.once()
    found = await everything(kafka, topic)
    assert ids(found) == [f"id{n}" for n in range(10)] * 2
    same: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for record in found:
        same[dict(record.headers)["ce_id"].decode()].add((record.key, record.value, tuple(record.headers)))
    assert all(len(told) == 1 for told in same.values())
    for one in (relay, again):
        await one.stop()


async def _rows(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(outbox).order_by(outbox.c.id))).mappings())


async def test_what_is_sent_while_more_is_committed_is_deleted_with_the_next_read_and_sent_once(
    kafka: str, database: Database, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    publish = relay._publish

    async def meanwhile(*given: Any) -> Any:
        moves = await publish(*given)
        if await waiting(database) == 3:
            await commit(database, records(topic, range(3, 5)))
        return moves

    monkeypatch.setattr(relay, "_publish", meanwhile)
    await commit(database, records(topic, range(3)))
    assert await relay.once() == 3
    assert await waiting(database) == 5, "the next read deletes the first three"
    assert await relay.once() == 2
    assert await waiting(database) == 0
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(5))
    await relay.stop()


async def test_what_comes_while_the_relay_sends_is_gathered_into_one_pass(
    kafka: str, database: Database, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    relay, passes = a_relay(database, kafka, service, gather=1.5), list[int]()
    move = relay._move

    async def meanwhile(producer: Any, found: Sequence[Any]) -> None:
        await move(producer, found)
        passes.append(sum(row["records"] for row in found))
        if len(passes) == 1:
            await commit(database, records(topic, [1]))

    monkeypatch.setattr(relay, "_move", meanwhile)
    async with relaying(relay):
        await commit(database, records(topic, [0]))
        await until(lambda: passes)
        await commit(database, records(topic, [2, 3]))
        await until(lambda: is_empty(database))
    assert passes == [1, 3]


async def test_after_a_quiet_pass_a_commit_is_sent_at_once(kafka: str, database: Database, service: str) -> None:
    topic = await a_topic(kafka, 1)
    async with relaying(a_relay(database, kafka, service, gather=600.0)):
        for number in range(3):
            await commit(database, records(topic, [number]))
            await until(lambda: is_empty(database))
    assert [int(record.value) for record in await everything(kafka, topic)] == [0, 1, 2]


async def test_a_deposed_leader_publishes_nothing_more_and_the_last_record_of_a_key_is_the_newest(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    old, new = a_relay(database, kafka, service), a_relay(database, kafka, service)
    await commit(database, records(topic, range(5), keys=1))
    await old.once()
    await commit(database, records(topic, range(5, 10), keys=1))
    rows = await old._oldest()  # the old leader has read the outbox, and then it is paused
    await let_lapse(database)
    await new.once()
    await commit(database, records(topic, range(10, 15), keys=1))
    await new.once()
    producer = old._producer
    assert producer is not None
    with pytest.raises(Exception, match=r"(?i)fenced|transactional|epoch|batch delivery"):
        await old._publish(producer, rows)  # it wakes, with what it read
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(15))
    assert await waiting(database) == 0
    for one in (old, new):
        await one.stop()


async def test_a_fenced_leader_asks_for_the_lease_before_it_leads_again(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    old = a_relay(database, kafka, service, lease=60)
    await commit(database, records(topic, range(3), keys=1))
    async with relaying(old):
        await until(lambda: is_empty(database))
        await let_lapse(database)
        new = a_relay(database, kafka, service, lease=60)
        await new.once()  # takes the lease, and the transactional id with its new producer
        await commit(database, records(topic, range(3, 6), keys=1))  # wakes the old one, which thinks it leads
        await until(lambda: not old.leading)
        await new.once()
        assert await waiting(database) == 0
        await new.stop()
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(6))


async def test_two_relays_that_take_turns_under_load_lose_nothing_and_keep_the_order(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 2)
    one, other = (a_relay(database, kafka, service, chunk=40) for _ in range(2))
    async with relaying(one), relaying(other):
        for first in range(0, 600, 30):
            await commit(database, records(topic, range(first, first + 30)))
            await let_lapse(database)
        await until(lambda: is_empty(database))
    for key, order in by_key(await everything(kafka, topic)).items():
        assert list(dict.fromkeys(order)) == list(range(int(key[1:]), 600, 5))
        assert order[-1] == max(order)


async def test_stop_sends_the_rest_though_a_pass_is_in_hand_and_gives_the_lease_back(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service, chunk=20, lease=60)
    for first in range(0, 400, 20):
        await commit(database, records(topic, range(first, first + 20)))
    async with relaying(relay):
        await until(lambda: _some_left(database, 380), every=0)
    assert await waiting(database) == 0
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(400))
    next_one = a_relay(database, kafka, service)
    await commit(database, records(topic, range(400, 401)))
    assert await next_one.once() == 1
    await next_one.stop()


async def _some_left(database: Database, most: int) -> bool:
    return await waiting(database) <= most


async def test_what_is_too_large_for_kafka_is_put_aside_where_it_is_seen_and_the_rest_goes_on(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    large = Record(topic, b"k1", b"9" * (1 << 20), [("ce_id", b"large")])
    relay = a_relay(database, kafka, service)
    with pytest.raises(RuntimeError):
        async with database.begin() as connection:
            await outgoing.send(connection, [large])
            raise RuntimeError
    await commit(database, [*records(topic, range(7)), large, *records(topic, range(7, 10))])
    assert await waiting(database) == 10, "it never was in the outbox"
    async with relaying(relay):
        await until(lambda: is_empty(database))
    assert [int(record.value) for record in await everything(kafka, topic)] == list(range(10))
    async with database.read() as connection:
        letter = (await connection.execute(sa.select(dead_letters))).one()
    assert (letter.topic, letter.key, letter.value, letter.size) == (topic, None, None, 1 << 20)
    assert content_of(letter, relay.outgoing.seal) == Content(large.key, large.value, large.headers)
    assert letter.consumer == f"{service}.outbox"
    assert letter.error.startswith("Kafka does not take it")
    assert "9" * 10 not in letter.error


async def test_a_relay_goes_on_after_a_fault_that_nobody_foresaw(
    kafka: str, database: Database, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    faults: list[Exception] = [AssertionError("Invalid state transition"), RuntimeError(), Transient("away")]
    publish = relay._publish

    async def stumbling(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return await publish(*given)

    monkeypatch.setattr(relay, "_publish", stumbling)
    await commit(database, records(topic, range(3)))
    async with relaying(relay):
        await until(lambda: is_empty(database))
    assert [int(record.value) for record in await everything(kafka, topic)] == [0, 1, 2]


async def test_while_the_broker_is_away_commits_do_not_hurry_the_relay_and_then_all_arrives(
    database: Database, service: str, tmp_path: Path
) -> None:
    broker = Broker(claim(tmp_path), ports({"broker": 0})["broker"])
    tries = 0
    relay = a_relay(database, broker.bootstrap, service)
    connect = relay._new_producer

    async def counted() -> Any:
        nonlocal tries
        tries += 1
        return await connect()

    relay._new_producer = counted  # type: ignore[method-assign]
    async with relaying(relay):
        for number in range(40):
            await commit(database, records("away", [number]))
            await asyncio.sleep(0)
        await until(lambda: tries)
        assert tries <= 3
        with running(broker.command(), broker.is_ready):
            topic = await a_topic(broker.bootstrap, 1)
            async with database.begin() as connection:
                await connection.execute(sa.update(outbox).values(topic=topic))
            await until(lambda: is_empty(database))
            assert [int(record.value) for record in await everything(broker.bootstrap, topic)] == list(range(40))


@pytest.mark.slow
async def test_a_relay_stops_in_time_though_the_broker_went_away_in_the_middle(
    database: Database, service: str, tmp_path: Path
) -> None:
    broker = Broker(claim(tmp_path), ports({"broker": 0})["broker"])
    with running(broker.command(), broker.is_ready):
        topic = await a_topic(broker.bootstrap, 1)
        relay = a_relay(database, broker.bootstrap, service, farewell=0.5)
        task = asyncio.create_task(relay.run())
        await commit(database, records(topic, range(3)))
        await until(lambda: is_empty(database))
    await commit(database, records(topic, range(3, 6)))
    await asyncio.wait_for(relay.stop(), 6)
    task.cancel()  # as the service does: it may wait for the broker
    await asyncio.gather(task, return_exceptions=True)
    assert await waiting(database) == 3


@pytest.mark.parametrize("pause", [pytest.param(0, marks=pytest.mark.slow), 0.005, 0.02])
@pytest.mark.parametrize("met", [True, False])
async def test_a_relay_that_gave_a_silent_broker_up_sends_no_more_and_has_no_connection(
    database: Database, service: str, tmp_path: Path, met: bool, pause: float
) -> None:
    broker = Broker(claim(tmp_path), ports({"broker": 0})["broker"])
    before = asyncio.all_tasks()
    with running(broker.command(), broker.is_ready) as process:
        topic = await a_topic(broker.bootstrap, 1)
        relay = a_relay(database, broker.bootstrap, service, farewell=0.2)
        task = asyncio.create_task(relay.run())
        if met:
            await commit(database, records(topic, range(3)))
            await until(lambda: is_empty(database))
        await commit(database, records(topic, range(3, 600)))
        await asyncio.sleep(pause)  # somewhere in the middle: of a beginning, of a pass, between two
        os.kill(process.pid, signal.SIGSTOP)
        try:
            await asyncio.wait_for(relay.stop(), 6)
            task.cancel()  # as the service does
            await asyncio.gather(task, return_exceptions=True)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        # a request that was under way may be given up only when aiokafka's own time for it is over (20 s)
        await until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()}, seconds=45)
