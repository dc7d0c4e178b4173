"""Records become state once each: whatever is late, doubled, unreadable, or handled by a member that was paused."""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidMessage, Transient
from shared.facts.envelope import Fact, from_record, headers
from shared.messaging.dead_letter_content import Content
from shared.messaging.dead_letter_desk import content_of
from shared.messaging.handlers import Outcomes, Records, Transaction
from shared.messaging.outbox import stored
from shared.messaging.positions import Incoming, Tally
from shared.messaging.relay import Relay
from shared.messaging.subscription import Subscription
from shared.storage.database import Database, copy_rows
from shared.storage.sealing import CannotOpen, Seal
from shared.storage.tables import dead_letters, positions
from tests.builders import fact
from tests.databases import a_topic, everything, in_transaction, make_topics, produce
from tests.waiting import until

ledger = sa.table("ledger", sa.column("ce_id"), sa.column("topic_partition"), sa.column("k"))
LEDGER = sa.Table("ledger", sa.MetaData())
RawRecord = tuple[bytes, bytes | None, list[tuple[str, bytes]]]


def a_record(number: int, key: str = "e") -> RawRecord:
    made = fact("x", ce_id=f"id{number}", sequence=number + 1, episode=key, n=number)
    return key.encode(), made.body, headers(made)


class Handler:
    """Writes each record into the ledger, in the batch's own transaction; stumbles where it is told to."""

    def __init__(self, stumble: Callable[[Incoming], Exception | None] = lambda _: None) -> None:
        self.stumble = stumble
        self.batches: list[int] = []

    async def __call__(self, connection: AsyncConnection, incoming: Sequence[Incoming], tally: Tally) -> None:
        self.batches.append(len(incoming))
        for each in incoming:
            if fault := self.stumble(each):
                raise fault
            tally.add(each.slot, "applied")
        rows = [(i.fact.id, i.slot.partition, i.key.decode()) for i in incoming]
        await copy_rows(connection, LEDGER, ("ce_id", "topic_partition", "k"), rows)


@asynccontextmanager
async def reading(
    kafka: str,
    database: Database,
    topic: str,
    handler: Handler,
    group: str = "svc",
    max_records: int = 50,
    instance: str | None = None,
) -> AsyncIterator[Subscription]:
    broker = KafkaBroker(kafka, allow_auto_create_topics=False, log_level=logging.DEBUG)
    subscription = Subscription(group, topic, database)

    @subscription.router.subscriber(
        topic, group_id=f"stepdown-{group}", max_records=max_records, **subscription.options
    )
    async def on_records(batch: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        await handler(connection, batch, tally)

    broker.include_router(subscription.router)
    subscription.join_as(instance)
    await broker.start()
    try:
        yield subscription
    finally:
        await broker.stop()


async def handled(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(ledger.c.ce_id))).scalars())


async def row(database: Database) -> dict[str, Any]:
    names = ("received", "applied", "repeated", "ignored", "waiting", "dead")
    async with database.read() as connection:
        totals = [sa.func.coalesce(sa.func.sum(positions.c[name]), 0) for name in names]
        return dict(zip(names, map(int, (await connection.execute(sa.select(*totals))).one()), strict=True))


@pytest.fixture
def group() -> str:
    return f"svc-{uuid.uuid4().hex[:8]}"


async def test_every_record_is_applied_once_over_a_restart(kafka: str, database: Database, group: str) -> None:
    topic = await a_topic(kafka)
    await produce(kafka, topic, [a_record(n, f"e{n % 7}") for n in range(200)])
    async with reading(kafka, database, topic, Handler(), group):
        await until(lambda: _count_is(database, 200))
    await produce(kafka, topic, [a_record(n, f"e{n % 7}") for n in range(200, 300)])
    async with reading(kafka, database, topic, Handler(), group):
        await until(lambda: _count_is(database, 300))
    assert sorted(await handled(database)) == sorted(f"id{n}" for n in range(300))
    assert await row(database) == {
        "received": 300, "applied": 300, "repeated": 0, "ignored": 0, "waiting": 0, "dead": 0,
    }  # fmt: skip


async def test_what_was_handled_is_not_kept_by_what_began_meanwhile(kafka: str, database: Database, group: str) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(200)])
    began: list[asyncio.Task[bool]] = []

    class Beginning(Handler):
        async def __call__(self, connection: AsyncConnection, incoming: Sequence[Incoming], tally: Tally) -> None:
            await super().__call__(connection, incoming, tally)
            began.append(asyncio.create_task(asyncio.Event().wait()))  # it keeps the context of its beginning

    async with reading(kafka, database, topic, Beginning(), group, max_records=10):
        await until(lambda: _count_is(database, 200))
        kept = [one for one in gc.get_objects() if isinstance(one, ConsumerRecord) and one.topic == topic]
    assert len(began) >= 20
    assert len(kept) <= 20, "the batch in hand at most, and the one that is fetched"
    for task in began:
        task.cancel()


async def _count_is(database: Database, number: int) -> bool:
    return len(await handled(database)) >= number


@pytest.mark.parametrize(
    "bad",
    [
        (b"e", b"{not json", [("ce_id", b"x")]),
        (b"e", None, []),
        (b"e", b"{}", [("ce_id", b"\xff\xfe"), ("ce_type", b"\xff")]),
        (b"", b"{}", a_record(1)[2]),
        (b"e", b"[]", a_record(1)[2]),
        (b"e", b"{}", [(n, b"/elsewhere/x" if n == "ce_source" else v) for n, v in a_record(1)[2]]),
        (b"e", b"{}", [(n, b"0" if n == "ce_sequence" else v) for n, v in a_record(1)[2]]),
    ],
)
async def test_an_unreadable_record_is_a_dead_letter_with_its_origin_and_the_next_is_handled(
    kafka: str, database: Database, group: str, bad: RawRecord
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(1), bad, a_record(2)])
    async with reading(kafka, database, topic, Handler(), group) as subscription:
        await until(lambda: _count_is(database, 2))
    async with database.read() as connection:
        letter = (await connection.execute(sa.select(dead_letters))).one()
        (sent,) = await stored(connection)
    assert (letter.kafka_offset, letter.size, letter.topic) == (1, len(bad[1] or b""), topic)
    assert (letter.key, letter.value, letter.headers) == (None, None, None), "nothing of it lies in clear"
    assert content_of(letter, subscription.seal) == Content(bad[0], bad[1], bad[2])
    with pytest.raises(CannotOpen):
        content_of(letter, Seal({"another": bytes(32)}))
    assert sent.topic == f"dead.{group}"
    assert ("x-origin", f"{topic}/0/1".encode()) in sent.headers
    assert (await row(database))["dead"] == 1


async def test_a_dead_letter_too_long_to_be_sent_again_keeps_its_bytes_here_and_holds_nothing_up(
    kafka: str, database: Database, group: str
) -> None:
    topic, long = await a_topic(kafka, 1), b"x" * 1_048_300
    await make_topics(kafka, [f"dead.{group}"], 1)
    await produce(kafka, topic, [(b"e", long, [])])
    async with reading(kafka, database, topic, Handler(), group) as subscription:
        await until(lambda: _buried(database))
    relay = Relay(database, group, {"bootstrap_servers": kafka})
    assert await relay.once() == 1
    await relay.stop()
    await until(lambda: _is_marked(kafka, f"dead.{group}"))
    (letter,) = await everything(kafka, f"dead.{group}")
    assert (letter.value, dict(letter.headers)["x-origin"]) == (b"", f"{topic}/0/0".encode())
    assert b"too long" in dict(letter.headers)["x-error"]
    async with database.read() as connection:
        kept = (await connection.execute(sa.select(dead_letters))).one()
    assert content_of(kept, subscription.seal).value == long


async def _buried(database: Database) -> bool:
    return bool((await row(database))["dead"] == 1)


async def test_a_record_that_fails_for_no_foreseen_reason_is_found_and_buried_alone(
    kafka: str, database: Database, group: str
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(40)])
    handler = Handler(lambda i: ValueError("SMITH") if i.fact.id == "id13" else None)
    async with reading(kafka, database, topic, handler, group):
        await until(lambda: _count_is(database, 39))
    async with database.read() as connection:
        letter = (await connection.execute(sa.select(dead_letters))).one()
    assert letter.error == "unforeseen ValueError"
    assert await handled(database) == [f"id{n}" for n in range(40) if n != 13]


async def test_a_bad_release_does_not_bury_everything(kafka: str, database: Database, group: str) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(60)])
    handler = Handler(lambda _: ValueError())
    async with reading(kafka, database, topic, handler, group) as subscription:
        await until(lambda: subscription.batches.unforeseen > 20)
    async with database.read() as connection:
        assert len((await connection.execute(sa.select(dead_letters.c.id))).all()) <= 20
    async with reading(kafka, database, topic, Handler(), group):
        await until(lambda: _count_is(database, 40))


async def test_what_is_away_is_waited_for_and_nothing_is_skipped(kafka: str, database: Database, group: str) -> None:
    topic = await a_topic(kafka, 1)
    left = [3]

    def away(_: Incoming) -> Exception | None:
        left[0] -= 1
        return Transient("away") if left[0] >= 0 else None

    await produce(kafka, topic, [a_record(n) for n in range(5)])
    async with reading(kafka, database, topic, Handler(away), group):
        await until(lambda: _count_is(database, 5))
    assert await handled(database) == [f"id{n}" for n in range(5)]
    assert (await row(database))["dead"] == 0


async def test_what_waited_too_long_is_handled_when_all_is_back_though_nothing_more_comes(
    kafka: str, database: Database, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    away = [True]
    async with reading(
        kafka, database, topic, Handler(lambda _: Transient("away") if away else None), group
    ) as subscription:
        subscription.retries.patience = 0.1
        find, tries = subscription.places._find, []

        async def still_away(slots: Any) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise Transient("the database can't be reached")
            away.clear()
            await find(slots)

        monkeypatch.setattr(subscription.places, "_find", still_away)
        await produce(kafka, topic, [a_record(n) for n in range(3)])
        await until(lambda: _count_is(database, 3))
    assert await handled(database) == ["id0", "id1", "id2"]


async def test_a_broker_that_does_not_say_where_its_topics_begin_is_asked_again(
    kafka: str, database: Database, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(0)])
    asked = AIOKafkaConsumer.beginning_offsets
    faults: list[Exception] = [KafkaTimeoutError(), KafkaConnectionError()]

    async def stumbling(self: AIOKafkaConsumer, slots: Any) -> Any:
        if faults:
            raise faults.pop()
        return await asked(self, slots)

    monkeypatch.setattr(AIOKafkaConsumer, "beginning_offsets", stumbling)
    async with reading(kafka, database, topic, Handler(), group):
        await until(lambda: _count_is(database, 1))


async def test_a_named_member_that_was_killed_has_its_partitions_back_at_once(
    kafka: str, database: Database, group: str
) -> None:
    topic = await a_topic(kafka, 2)
    await produce(kafka, topic, [a_record(n, f"e{n}") for n in range(10)])
    name = f"{group}.{topic}.one"
    gone = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=f"stepdown-{group}", group_instance_id=name, enable_auto_commit=False
    )
    await gone.start()
    await _killed(gone)
    async with reading(kafka, database, topic, Handler(), group, instance="one"):
        await until(lambda: _count_is(database, 10), 8)


async def _is_marked(kafka: str, topic: str) -> bool:
    return not await in_transaction(kafka, topic)


async def _killed(member: AIOKafkaConsumer) -> None:
    """It says nothing any more, not even farewell."""
    for task in (member._coordinator._coordination_task, member._coordinator._heartbeat_task):
        task.cancel()
    await member._fetcher.close()
    await member._client.close()
    member._closed = True


async def test_a_member_that_its_group_put_out_is_known_as_such(kafka: str, database: Database, group: str) -> None:
    topic = await a_topic(kafka, 1)
    async with reading(kafka, database, topic, Handler(), group) as subscription:
        assert not subscription.put_out()
        coordination = subscription.places.subscriber.consumer._coordinator._coordination_task  # type: ignore[union-attr]
        coordination.cancel()
        await until(subscription.put_out)


async def test_a_zombie_that_was_paused_applies_nothing_when_it_wakes(
    kafka: str, database: Database, group: str
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(3)])
    async with reading(kafka, database, topic, Handler(), group) as zombie:
        await until(lambda: _count_is(database, 3))
        remembered = dict(zombie.places.at)
        await produce(kafka, topic, [a_record(n) for n in range(3, 6)])
        await until(lambda: _count_is(database, 6))
        zombie.places.at.update(remembered)  # what a member remembers that slept while another went on
        await produce(kafka, topic, [a_record(6)])
        await until(lambda: _count_is(database, 7))
    assert sorted(await handled(database)) == [f"id{n}" for n in range(7)]


@pytest.mark.slow
async def test_two_members_share_the_work_and_handing_over_loses_and_doubles_nothing(
    kafka: str, database: Database, group: str
) -> None:
    topic = await a_topic(kafka, 4)
    async with reading(kafka, database, topic, Handler(), group):
        await produce(kafka, topic, [a_record(n, f"e{n % 11}") for n in range(100)])
        async with reading(kafka, database, topic, Handler(), group) as second:
            await until(lambda: len(second.places.at) == 2)
            await produce(kafka, topic, [a_record(n, f"e{n % 11}") for n in range(100, 300)])
            await until(lambda: _count_is(database, 300))
        await produce(kafka, topic, [a_record(n, f"e{n % 11}") for n in range(300, 350)])
        await until(lambda: _count_is(database, 350))
    assert sorted(await handled(database)) == sorted(f"id{n}" for n in range(350))


@pytest.mark.parametrize("how", ["ends before the stored position", "another record stands there"])
async def test_a_topic_that_was_made_anew_is_refused_with_what_to_do(
    kafka: str, database: Database, group: str, how: str
) -> None:
    topic = await a_topic(kafka, 1)
    await produce(kafka, topic, [a_record(n) for n in range(3)])
    name = f"{group}.{topic}"
    position = {"next_offset": 99, "last_offset": 98} if "ends" in how else {"next_offset": 2, "last_offset": 1}
    async with database.begin() as connection:
        await connection.execute(
            positions.insert(), {"consumer": name, "topic": topic, "partition": 0, "last_id": "other", **position}
        )
    async with reading(kafka, database, topic, Handler(), group) as subscription:
        refused = await until(lambda: subscription.refused)
    assert "stepdown positions reset" in refused
    assert await handled(database) == []


async def test_an_unreadable_record_is_named_by_what_is_missing_and_not_by_its_content() -> None:
    with pytest.raises(InvalidMessage) as told:
        from_record(b'{"name": "SMITH"', a_record(1)[2])
    assert "SMITH" not in str(told.value)
