"""Facts that were refused since their number was taken, in a system that an earlier version let go on after a loss:
`heal` settles those that lost nothing, and names the others (contract 5.8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.engine import store
from services.placement.recovery.heal import LETTERS, Healing
from shared.clock import system_clock
from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, to_record
from shared.messaging.dead_letters import Failed, bury
from shared.messaging.inbox import TAKEN
from shared.messaging.spool import Spool
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import at_once
from shared.values import replace
from tests.builders import a_story, admitted, discharged, with_value

SEAL, ANOTHER = Seal({"k1": bytes(32)}), Seal({"k2": bytes(range(32))})
ADMITTED, DISCHARGED = a_story(admitted("2026-03-02 10:00"), discharged("2026-03-09 14:00"))


class OnKafka:
    """A record as the Kafka client gives it."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

    def __init__(self, fact: Fact, offset: int) -> None:
        record = to_record(fact, "care.events")
        self.topic, self.key, self.value, self.headers = record.topic, record.key, record.value, record.headers
        self.partition, self.offset = 0, offset


@pytest.fixture
async def alone(database: Database) -> AsyncIterator[Database]:
    """The database with the two facts applied, by one connection, as `heal` uses it."""
    one = Database(database.engine.url.render_as_string(hide_password=False), pool=1)
    async with one.begin() as connection:
        await at_once(connection, store.keeping([ADMITTED, DISCHARGED]))
    yield one
    await one.close()


async def refused(database: Database, *facts: Fact, seal: Seal = SEAL, why: str = TAKEN) -> None:
    """These are dead letters of both of placement's consumers."""
    for consumer in ("placement.care.events", "placement.gate"):
        failed: list[Failed] = [(OnKafka(fact, 100 + nth), InvalidMessage(why)) for nth, fact in enumerate(facts)]
        async with database.begin() as connection:
            await bury(connection, consumer, "dead.placement", failed, seal)


async def states(database: Database) -> list[str]:
    async with database.read() as connection:
        found = await connection.execute(sa.text("SELECT state FROM dead_letters ORDER BY consumer, kafka_offset"))
        return list(found.scalars())


async def healing(database: Database) -> Healing:
    """A run of `heal`, begun."""

    async def step(_: int) -> None:
        """Nobody is told."""

    spool = Spool(database)
    await spool.begin()
    return Healing(spool, load(SAMPLE), SEAL, step, system_clock)


LATER = "2026-04-01T09:00:00+00:00"


def but(fact: Fact, **changes: Any) -> Fact:
    """The same fact under another id, with these fields of its content."""
    return replace(with_value(fact, fact.as_json | changes), id="told-twice")


CASES: list[tuple[str, Sequence[Fact], dict[str, Any], list[str]]] = [
    ("the very fact that stands", [DISCHARGED], {}, ["discarded"]),
    ("the same, under another id and recorded later", [but(DISCHARGED, recorded_at=LATER)], {}, ["discarded"]),
    ("another day under that number", [but(DISCHARGED, occurred_at="2026-03-10T14:00:00-04:00")], {}, ["dead"]),
    ("another kind under that number", [replace(ADMITTED, id="x", sequence=2)], {}, ["dead"]),
    ("a number that nothing has", [replace(DISCHARGED, id="x", sequence=9)], {}, ["dead"]),
    ("one of each", [DISCHARGED, replace(ADMITTED, id="x", sequence=2)], {}, ["discarded", "dead"]),
    ("sealed with a key that is gone", [DISCHARGED], {"seal": ANOTHER}, ["dead"]),
    ("refused for another reason", [DISCHARGED], {"why": "it cannot be read"}, ["dead"]),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "how", "after"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_a_refused_fact_that_stands_anyway_is_settled_and_any_other_stays(
    alone: Database, facts: Sequence[Fact], how: dict[str, Any], after: list[str]
) -> None:
    await refused(alone, *facts, **how)
    dry = await healing(alone)
    assert (await dry.compare())[LETTERS] == 2 * after.count("discarded")
    assert set(await states(alone)) == {"dead"}, "a comparison writes nothing"
    run = await healing(alone)
    await run.compare()
    assert (await run.heal())[LETTERS] == 2 * after.count("discarded")
    assert await states(alone) == after * 2
    named = [each for each in run.gone() if "dead letters stay" in each]
    assert bool(named) == (how.get("why", TAKEN) == TAKEN and "dead" in after)
    again = await healing(alone)
    assert (await again.compare())[LETTERS] == 0


async def test_what_was_settled_and_why_is_in_the_audit(alone: Database) -> None:
    await refused(alone, DISCHARGED)
    run = await healing(alone)
    await run.compare()
    await run.heal()
    async with alone.read() as connection:
        told = sa.text("SELECT actor, action, reason FROM audit WHERE action LIKE 'dead-letter%'")
        found = (await connection.execute(told)).all()
    assert [(row.actor, row.action) for row in found] == [("heal", "dead-letter-discarded")] * 2
    assert all("stands under its number" in row.reason for row in found)
