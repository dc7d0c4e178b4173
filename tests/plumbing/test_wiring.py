"""From a topic to a decorated handler, over FastStream's broker in memory and a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from shared.facts.envelope import Fact, Record, headers, to_record
from shared.facts.ordering import FactPlace
from shared.messaging.handlers import InOrder, Outcomes, Records, Transaction
from shared.messaging.inbox import Inbox
from shared.messaging.positions import Slot, Tally, then
from shared.messaging.subscription import Subscription
from shared.storage.database import Connection, Database
from shared.storage.statements import Read
from shared.storage.tables import dead_letters, positions
from tests.builders import fact
from tests.plumbing.test_subscription import handled, row
from tests.wiring import in_memory, publish

TOPIC = "care.events"


def a_fact(sequence: int) -> Fact:
    return fact("x", ce_id=f"id{sequence}", sequence=sequence, episode="e", n=sequence)


async def keep(connection: Connection, facts: Iterable[Fact]) -> None:
    for one in facts:
        await connection.execute(sa.text("INSERT INTO ledger VALUES (:id, 0, 'e')"), {"id": one.id})


def counting(database: Database, stumble: Callable[[], None] = lambda: None) -> Subscription:
    """A consumer that writes each record into the ledger, and then stumbles if told to."""
    subscription = Subscription("svc", TOPIC, database)

    @subscription.router.subscriber(TOPIC, group_id="svc", **subscription.options)
    async def on_records(batch: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        tally.all(batch, "applied")
        await keep(connection, (one.fact for one in batch))
        stumble()

    return subscription


async def test_a_record_reaches_its_handler_decoded_and_commits_with_its_position(database: Database) -> None:
    subscription = counting(database)
    async with in_memory(subscription) as broker:
        await publish(broker, to_record(a_fact(1), TOPIC), 0)
    assert await handled(database) == ["id1"]
    async with database.read() as connection:
        stands = (await connection.execute(sa.select(positions).where(positions.c.partition == 0))).one()
    assert (stands.consumer, stands.next_offset, stands.last_id) == ("svc.care.events", 1, "id1")
    assert (stands.received, stands.applied) == (1, 1)
    assert subscription.places.at[Slot(TOPIC, 0)].next_offset == 1


async def test_what_a_handler_wrote_before_it_failed_is_gone_and_the_record_a_dead_letter(database: Database) -> None:
    def stumble() -> None:
        raise ValueError("SMITH")

    async with in_memory(counting(database, stumble)) as broker:
        await publish(broker, to_record(a_fact(1), TOPIC), 0)
    assert await handled(database) == []
    async with database.read() as connection:
        (why,) = (await connection.execute(sa.select(dead_letters.c.error))).scalars()
    assert why == "unforeseen ValueError"
    assert (await row(database))["dead"] == 1


@pytest.mark.parametrize(
    "record",
    [
        Record(TOPIC, b"e", b"{", headers(a_fact(1))),
        Record(TOPIC, b"e", b"{}", []),
        Record(TOPIC, b"", b"{}", headers(a_fact(1))),
    ],
)
async def test_what_cannot_be_decoded_reaches_no_handler(database: Database, record: Record) -> None:
    async with in_memory(counting(database)) as broker:
        await publish(broker, record, 0)
    assert await handled(database) == []
    assert (await row(database))["dead"] == 1


@dataclass
class Row:
    seen: dict[str, int] = field(default_factory=dict)


async def test_a_handler_of_facts_gets_each_episodes_in_order(database: Database) -> None:
    rows: dict[str, Row] = {}
    calls: list[list[int]] = []

    async def lock(connection: Connection, episodes: Iterable[str], tally: Tally) -> Mapping[str, Row]:
        await then(connection, tally, [Read("SELECT 'the rows'", ())])
        return {episode: rows.setdefault(episode, Row()) for episode in episodes}

    async def known(_: Connection, places: Sequence[FactPlace], __: Tally) -> Mapping[FactPlace, str]:
        return {place: f"id{place[2]}" for place in places}

    subscription = Subscription("svc", TOPIC, database, order=Inbox(f"svc.{TOPIC}", lock, known))

    @subscription.router.subscriber(TOPIC, group_id="svc", **subscription.options)
    async def on_facts(line: InOrder[Row], connection: Transaction) -> None:
        calls.append([fact.sequence for fact in line["e"].facts])
        line["e"].row.seen = line["e"].seen
        await keep(connection, line["e"].facts)

    async with in_memory(subscription) as broker:
        for partition, sequence in enumerate((3, 2, 1, 1)):
            await publish(broker, to_record(a_fact(sequence), TOPIC), partition)
    assert calls == [[1, 2, 3]], "it is not called while everything waits, nor for a repeat"
    assert await handled(database) == ["id1", "id2", "id3"]
    counts = await row(database)
    assert (counts["applied"], counts["repeated"], counts["waiting"]) == (3, 1, 0)


async def test_a_handler_is_given_only_the_transaction_of_its_own_batch(database: Database) -> None:
    """What it began and what goes on afterwards has none any more."""
    given: list[object] = []
    subscription = Subscription("svc", TOPIC, database)

    @subscription.router.subscriber(TOPIC, group_id="svc", **subscription.options)
    async def on_records(batch: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        given.append(connection)
        assert connection.in_transaction()
        tally.all(batch, "applied")

    async with in_memory(subscription) as broker:
        await publish(broker, to_record(a_fact(1), TOPIC), 0)
        await publish(broker, to_record(a_fact(2), TOPIC), 1)
    assert len({id(one) for one in given}) == 2
    assert all(one.closed for one in given)  # type: ignore[attr-defined]
