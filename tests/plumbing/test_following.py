"""Two consumers of one topic in one process: what one has decoded the other takes, and neither waits for the other."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import sqlalchemy as sa
from faststream.kafka import KafkaBroker

from shared.errors import InvalidMessage, Transient
from shared.facts.envelope import Fact
from shared.messaging import positions as stored
from shared.messaging.broker import begin_reading
from shared.messaging.dead_letters import RawRecord
from shared.messaging.handlers import Outcomes, Records, Transaction
from shared.messaging.positions import Incoming, Tally
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Connection, Database, copy_rows
from shared.storage.tables import dead_letters, positions
from tests.databases import a_topic, produce
from tests.plumbing.test_lag import a_member_that_reads_nothing, committed
from tests.plumbing.test_subscription import LEDGER, a_record, ledger
from tests.waiting import until

LEADS, FOLLOWS = "leads", "follows"
POISON = "id3"
"""The ce_id of a record that neither can decode."""


@dataclass
class Half:
    """One of the two: what it has decoded, and what keeps it from handling a batch."""

    name: str
    database: Database
    stumble: Callable[[], None] = lambda: None
    wait: asyncio.Event | None = None
    decoded: list[str] = field(default_factory=list)

    def decode(self, record: RawRecord) -> Fact:
        fact = decode_fact(record)
        self.decoded.append(fact.id)
        if fact.id == POISON:
            raise InvalidMessage("it is poison")
        return fact

    async def handle(self, connection: Connection, batch: Sequence[Incoming], tally: Tally) -> None:
        self.stumble()
        if self.wait is not None:
            await self.wait.wait()
        tally.all(batch, "applied")
        rows = [(one.fact.id, one.slot.partition, self.name) for one in batch]
        await copy_rows(connection, LEDGER, ("ce_id", "topic_partition", "k"), rows)

    async def handled(self) -> list[str]:
        """The ce_ids that it has handled."""
        async with self.database.read() as connection:
            found = await connection.execute(sa.select(ledger.c.ce_id).where(ledger.c.k == self.name))
        return list(found.scalars())

    async def until_it_has(self, number: int) -> None:
        """Waits until it has handled so many."""

        async def has() -> bool:
            return len(await self.handled()) >= number

        await until(has)


def never() -> None:
    raise Transient("it can't")


@pytest.fixture
def leader(database: Database) -> Half:
    return Half(LEADS, database)


@pytest.fixture
def follower(database: Database) -> Half:
    return Half(FOLLOWS, database)


@asynccontextmanager
async def both(
    kafka: str, topic: str, leader: Half, follower: Half, patience: float = 60.0
) -> AsyncIterator[tuple[Subscription, Subscription]]:
    """The two at work, the second one following the first; `patience`: how long a batch of the first may take."""
    broker = KafkaBroker(kafka, allow_auto_create_topics=False, log_level=logging.DEBUG)
    made = [_subscribed(topic, each) for each in (leader, follower)]
    made[1].follow(made[0], patience=patience)
    broker.include_routers(*(each.router for each in made))
    await begin_reading(broker)
    try:
        await until(lambda: all(each.places.at for each in made))
        yield made[0], made[1]
    finally:
        await broker.stop()


def _subscribed(topic: str, half: Half) -> Subscription:
    made = Subscription("svc", half.name, half.database, decode=half.decode)

    @made.router.subscriber(topic, group_id=f"stepdown-{half.name}-{topic}", max_records=50, **made.options)
    async def on_records(batch: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        await half.handle(connection, batch, tally)

    return made


def ids(begin: int, end: int) -> list[str]:
    return [f"id{n}" for n in range(begin, end) if f"id{n}" != POISON]


async def tell(kafka: str, topic: str, begin: int, end: int) -> None:
    await produce(kafka, topic, [a_record(n, f"e{n % 7}") for n in range(begin, end)])


async def counts(database: Database, half: Half) -> dict[str, int]:
    names = ("received", "applied", "repeated", "dead")
    query = sa.select(*(sa.func.sum(positions.c[name]).label(name) for name in names))
    async with database.read() as connection:
        found = (await connection.execute(query.where(positions.c.consumer == f"svc.{half.name}"))).mappings().one()
    return {name: int(found[name]) for name in names}


async def test_what_one_has_decoded_the_other_takes_with_positions_and_dead_letters_of_its_own(
    kafka: str, database: Database, leader: Half, follower: Half
) -> None:
    topic = await a_topic(kafka)
    async with both(kafka, topic, leader, follower) as (_, second):
        for begin in range(0, 300, 60):
            await tell(kafka, topic, begin, begin + 60)
            for each in (leader, follower):
                await each.until_it_has(begin + 59)
        assert not second.retries.busy()
    for each in (leader, follower):
        assert sorted(await each.handled()) == sorted(ids(0, 300))
        assert await counts(database, each) == {"received": 300, "applied": 299, "repeated": 0, "dead": 1}
    assert Counter(leader.decoded) == dict.fromkeys((f"id{n}" for n in range(300)), 1)
    assert follower.decoded == []
    async with database.read() as connection:
        letters = (await connection.execute(sa.select(dead_letters.c.consumer, dead_letters.c.error))).all()
    assert sorted(letters) == [(f"svc.{name}", "it is poison") for name in (FOLLOWS, LEADS)]


async def test_who_follows_goes_on_by_itself_where_the_other_can_not(kafka: str, leader: Half, follower: Half) -> None:
    topic = await a_topic(kafka)
    leader.stumble = never
    async with both(kafka, topic, leader, follower):
        for begin in range(0, 180, 60):
            await tell(kafka, topic, begin, begin + 60)
            await follower.until_it_has(begin + 59)
        assert await leader.handled() == []
        leader.stumble = lambda: None
        await leader.until_it_has(179)
        alone = len(follower.decoded)
        assert alone
        await tell(kafka, topic, 180, 240)
        for each in (leader, follower):
            await each.until_it_has(239)
    for each in (leader, follower):
        assert sorted(await each.handled()) == sorted(ids(0, 240))
    assert len(follower.decoded) <= alone + 60, "it follows again once the other goes on"


async def test_who_is_followed_does_not_wait_and_the_other_catches_up_from_its_own_position(
    kafka: str, leader: Half, follower: Half
) -> None:
    topic = await a_topic(kafka)
    follower.stumble = never
    async with both(kafka, topic, leader, follower):
        for begin in range(0, 180, 60):
            await tell(kafka, topic, begin, begin + 60)
            await leader.until_it_has(begin + 59)
        assert await follower.handled() == []
        follower.stumble = lambda: None
        await follower.until_it_has(179)
    for each in (leader, follower):
        assert sorted(await each.handled()) == sorted(ids(0, 180))


async def test_who_follows_waits_only_so_long_for_a_batch_of_the_other(
    kafka: str, leader: Half, follower: Half
) -> None:
    topic = await a_topic(kafka)
    leader.wait = asyncio.Event()
    async with both(kafka, topic, leader, follower, patience=0.2):
        for begin in range(0, 120, 60):
            await tell(kafka, topic, begin, begin + 60)
            await follower.until_it_has(begin + 59)
        assert await leader.handled() == []
        leader.wait.set()
        await leader.until_it_has(119)
    for each in (leader, follower):
        assert sorted(await each.handled()) == sorted(ids(0, 120))


@pytest.mark.parametrize("again", [LEADS, FOLLOWS])
async def test_one_is_set_to_the_beginning_and_the_other_goes_on(
    kafka: str, database: Database, leader: Half, follower: Half, again: str
) -> None:
    topic = await a_topic(kafka)
    async with both(kafka, topic, leader, follower) as subscriptions:
        await tell(kafka, topic, 4, 64)
        for each in (leader, follower):
            await each.until_it_has(60)
        async with database.begin() as connection:
            assert await stored.reset(connection, f"svc.{again}") == 2
        await next(one for one in subscriptions if one.consumer_name == f"svc.{again}").begin_anew_if_asked()
        await tell(kafka, topic, 64, 124)
        for each in (leader, follower):
            await each.until_it_has(180 if each.name == again else 120)
    found = {each.name: Counter(await each.handled()) for each in (leader, follower)}
    assert found.pop(again) == {f"id{n}": 2 if n < 64 else 1 for n in range(4, 124)}
    (other,) = found.values()
    assert other == {f"id{n}": 1 for n in range(4, 124)}


async def test_each_record_once_whoever_stumbles_and_whenever_both_start_anew(
    kafka: str, database: Database, leader: Half, follower: Half
) -> None:
    topic, turns = await a_topic(kafka), iter(range(10_000))

    def now_and_then() -> None:
        if next(turns) % 3 == 0:
            raise Transient("it can't now")

    leader.stumble = follower.stumble = now_and_then
    for begin in range(4, 604, 200):
        async with both(kafka, topic, leader, follower):
            for part in range(begin, begin + 200, 20):
                await tell(kafka, topic, part, part + 20)
            await follower.until_it_has(begin + 100 - 4)
    async with both(kafka, topic, leader, follower):
        for each in (leader, follower):
            await each.until_it_has(600)
    for each in (leader, follower):
        assert sorted(await each.handled()) == sorted(ids(4, 604))
        assert await counts(database, each) == {"received": 600, "applied": 600, "repeated": 0, "dead": 0}


async def test_who_follows_fetches_by_itself_what_another_process_has_of_the_other(
    kafka: str, leader: Half, follower: Half
) -> None:
    topic = await a_topic(kafka, 2)
    async with both(kafka, topic, leader, follower) as (first, _):
        await tell(kafka, topic, 4, 64)
        for each in (leader, follower):
            await each.until_it_has(60)
        async with a_member_that_reads_nothing(kafka, topic, f"{LEADS}-{topic}"):
            await until(lambda: len(first.places.at) == 1)
            await tell(kafka, topic, 64, 124)
            await follower.until_it_has(120)
            assert len(await leader.handled()) < 120
    assert sorted(await follower.handled()) == sorted(ids(4, 124))


async def test_who_follows_is_not_behind_when_all_is_taken(kafka: str, leader: Half, follower: Half) -> None:
    topic = await a_topic(kafka, 2)
    async with both(kafka, topic, leader, follower) as subscriptions:
        await committed(kafka, topic, [a_record(n) for n in range(4, 24)])
        for each in (leader, follower):
            await each.until_it_has(20)
        for one in subscriptions:
            await until(partial(_is_at_the_end, one, kafka))
    assert follower.decoded == []


async def _is_at_the_end(subscription: Subscription, kafka: str) -> bool:
    await subscription.lags.look({"bootstrap_servers": kafka})
    return subscription.lags.lag.records == 0


async def test_who_follows_does_not_stand_for_long_where_the_other_reads_nothing(
    kafka: str, leader: Half, follower: Half
) -> None:
    topic = await a_topic(kafka, 1)
    async with both(kafka, topic, leader, follower) as (first, second):
        await tell(kafka, topic, 4, 64)
        for each in (leader, follower):
            await each.until_it_has(60)
        consumer = first.places.subscriber.consumer
        assert consumer is not None
        consumer.pause(*consumer.assignment())
        await tell(kafka, topic, 64, 124)
        await until(lambda: _is_at_the_end(second, kafka))
        assert len(await leader.handled()) == 60
    assert sorted(await follower.handled()) == sorted(ids(4, 124))


@pytest.mark.parametrize(("wrong", "right"), [(LEADS, FOLLOWS), (FOLLOWS, LEADS)])
async def test_each_looks_itself_whether_the_topic_is_still_the_one_it_knows(
    kafka: str, database: Database, leader: Half, follower: Half, wrong: str, right: str
) -> None:
    topic, halves = await a_topic(kafka, 1), {LEADS: leader, FOLLOWS: follower}
    await tell(kafka, topic, 4, 64)
    async with both(kafka, topic, leader, follower):
        for each in (leader, follower):
            await each.until_it_has(60)
    async with database.begin() as connection:
        other = sa.update(positions).where(positions.c.consumer == f"svc.{wrong}").values(last_id="another record")
        await connection.execute(other)
    await tell(kafka, topic, 64, 124)
    async with both(kafka, topic, leader, follower) as subscriptions:
        refusing = next(one for one in subscriptions if one.consumer_name == f"svc.{wrong}")
        await until(lambda: refusing.refused and "made anew" in refusing.refused)
        await halves[right].until_it_has(120)
    assert len(await halves[wrong].handled()) == 60
