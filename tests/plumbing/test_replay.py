"""A dead letter given to its consumer again, and a consumer that begins anew, with a real broker and database."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from shared.errors import InvalidMessage, Rejected
from shared.messaging import dead_letter_desk, positions
from shared.messaging.positions import Incoming
from shared.messaging.replay import asked_of, replay_asked
from shared.storage.database import Database
from tests.databases import a_topic, produce
from tests.plumbing.test_subscription import Handler, a_record, handled, reading, row
from tests.waiting import until

AT = datetime(2026, 3, 1, tzinfo=UTC)


def a_group() -> str:
    return f"svc-{uuid.uuid4().hex[:8]}"


class Refusing(Handler):
    """Writes ce_ids to the ledger; refuses those in `refused`."""

    def __init__(self, *refused: str) -> None:
        super().__init__()
        self.refused = set(refused)

        self.stumble = self._refuses

    def _refuses(self, one: Incoming) -> Exception | None:
        return InvalidMessage("the site has no such facility") if one.fact.id in self.refused else None


async def ask(database: Database, to: str = "replay") -> list[str]:
    async with database.begin() as connection:
        ids = [letter.id for letter in await dead_letter_desk.listed(connection)]
        return await dead_letter_desk.ask(connection, ids, to, at=AT, actor="cli:somebody", reason=None)


async def states(database: Database) -> list[tuple[str, int]]:
    async with database.read() as connection:
        return [(letter.state, letter.attempts) for letter in await dead_letter_desk.listed(connection)]


async def test_a_letter_that_can_be_applied_now_is_applied_once_and_counted(kafka: str, database: Database) -> None:
    topic, handler = await a_topic(kafka), Refusing("id1")
    await produce(kafka, topic, [a_record(n) for n in range(3)])
    async with reading(kafka, database, topic, handler, a_group()) as subscription:
        await until(lambda: counted(database, 3))
        assert await states(database) == [("dead", 1)]
        mine = subscription.consumer_name
        assert await replay_asked(subscription) == 0
        assert await asked_of(database, [mine]) == set()

        assert len(await ask(database)) == 1
        assert await asked_of(database, [mine, "another"]) == {mine}
        assert await asked_of(database, ["another"]) == set()
        assert await replay_asked(subscription) == 0
        assert await states(database) == [("dead", 2)]

        handler.refused.clear()
        assert len(await ask(database)) == 1
        assert await ask(database) == []
        both = await asyncio.gather(replay_asked(subscription), replay_asked(subscription))
        assert sum(both) == 1
        assert await ask(database) == []
    assert sorted(await handled(database)) == ["id0", "id1", "id2"]
    assert await states(database) == [("replayed", 3)]
    assert await row(database) == {
        "received": 3, "applied": 3, "repeated": 0, "ignored": 0, "waiting": 0, "dead": 0
    }  # fmt: skip


async def counted(database: Database, number: int) -> bool:
    found = await row(database)
    return bool(found["received"] == number)


async def test_a_consumer_that_was_reset_reads_everything_again_without_a_restart(
    kafka: str, database: Database
) -> None:
    topic, handler = await a_topic(kafka), Refusing()
    await produce(kafka, topic, [a_record(n) for n in range(5)])
    async with reading(kafka, database, topic, handler, a_group()) as subscription:
        await until(lambda: counted(database, 5))
        await subscription.begin_anew_if_asked()
        async with database.begin() as connection:
            assert await positions.reset(connection, subscription.consumer_name) == 2
        await subscription.begin_anew_if_asked()
        await until(lambda: counted(database, 10))
        await produce(kafka, topic, [a_record(5)])
        await until(lambda: counted(database, 11))
    assert sorted(await handled(database)) == sorted([f"id{n}" for n in (*range(5), *range(6))])


async def test_a_consumer_is_reset_only_when_its_dead_letters_are_settled(kafka: str, database: Database) -> None:
    topic = await a_topic(kafka)
    await produce(kafka, topic, [a_record(0)])
    async with reading(kafka, database, topic, Refusing("id0"), a_group()) as subscription:
        await until(lambda: counted(database, 1))
        name = subscription.consumer_name
        with pytest.raises(Rejected, match="replay or discard them first"):
            async with database.begin() as connection:
                await positions.reset(connection, name)
        await ask(database, "discarded")
        async with database.begin() as connection:
            await positions.reset(connection, name)
        await subscription.begin_anew_if_asked()
        await until(lambda: counted(database, 2))
    assert await states(database) == [("dead", 1)]
    assert (await row(database))["dead"] == 2
