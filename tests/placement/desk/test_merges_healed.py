"""Placement's copies of merged patients' facts after a loss: told again, and adopted, as the copies that they are."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.placement.checks import broken
from services.placement.recovery.heal import Healing
from services.placement.rules import Rules
from shared.facts.envelope import Fact, Record, from_record, to_record
from shared.messaging import outbox
from shared.messaging.spool import Spool, told
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tests.databases import empty
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_merges import IN, OUT, R, S, bring
from tests.placement.gate.test_lost import OnKafka
from tests.placement.merging import Intake


async def stated(desk: Desk) -> list[Fact]:
    """Placement's facts on their way to care.events, by episode and sequence."""
    async with desk.feed.database.read() as connection:
        rows = [row for row in await outbox.stored(connection) if row.topic == "care.events"]
    return sorted((from_record(row.value, row.headers) for row in rows), key=lambda one: (one.subject, one.sequence))


async def healed(desk: Desk, records: Sequence[Record]) -> None:
    """`heal`, where care.events has these records."""
    database = Database(desk.feed.database.engine.url.render_as_string(hide_password=False), pool=1)
    try:
        spool = Spool(database)
        await spool.begin()
        await spool.put(told(OnKafka(one) for one in records))

        async def step(_: int) -> None:
            """Nobody is told."""

        healing = Healing(spool, load(SAMPLE), Seal({"k1": bytes(32)}), step, desk.clock)
        await healing.compare()
        await healing.heal()
    finally:
        await database.close()


def named(facts: Sequence[Fact]) -> list[tuple[str, str, str, int, str | None]]:
    """Facts as they are compared."""
    return [(one.id, one.name, one.subject, one.sequence, one.copy_of) for one in facts]


async def test_copies_that_the_topic_lost_are_told_again_as_copies(desk: Desk, rules: Rules) -> None:
    intake = Intake()
    await bring(desk, *intake.stays(R, IN, OUT))
    await desk.places(R)
    await bring(desk, *intake.merges(R, S))
    before = await stated(desk)
    assert [one for one in before if one.copy_of]
    async with desk.feed.database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    await healed(desk, [to_record(one, "care.events") for every in intake.said.values() for one in every])
    assert named(await stated(desk)) == named(before)
    found = [str(one) async for one in broken(desk.feed.database, rules) if one.subject != "outbox"]
    assert found == []


async def test_copies_that_the_database_lost_are_adopted_as_copies(desk: Desk, rules: Rules) -> None:
    intake = Intake()
    await bring(desk, *intake.stays(R, IN, OUT))
    await desk.places(R)
    await bring(desk, *intake.merges(R, S))
    own = await stated(desk)
    async with desk.feed.database.read() as connection:
        named_there = await connection.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        names = [name for name in named_there.scalars() if not name.startswith("alembic")]
    await empty(desk.feed.database, names)
    said = [one for every in intake.said.values() for one in every]
    await healed(desk, [to_record(one, "care.events") for one in (*said, *own)])
    query = sa.text("SELECT ce_id, copy_of FROM facts WHERE writer = 'placement' AND copy_of IS NOT NULL")
    async with desk.feed.database.read() as connection:
        kept = {row[0]: row[1] for row in (await connection.execute(query)).all()}
    assert kept == {one.id: one.copy_of for one in own if one.copy_of}
    found = [str(one) async for one in broken(desk.feed.database, rules) if one.subject != "outbox"]
    assert found == []
