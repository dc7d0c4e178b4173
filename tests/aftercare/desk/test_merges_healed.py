"""Aftercare's copies of merged patients' facts after a loss: told again, and adopted, as the copies that they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from services.aftercare.checks import broken
from services.aftercare.recovery.heal import Healing
from shared.facts.envelope import Record, from_record, to_record
from shared.messaging.outbox import stored
from shared.messaging.spool import Spool, told
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from tests.aftercare.builders import day
from tests.aftercare.builders import told as document_told
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.desk.test_merges import copied, gone, of_e2
from tests.aftercare.desk.test_merges_in_any_order import EVERY, OWN, THEIRS, outcome, plays
from tests.aftercare.test_handlers import SITE, take_in
from tests.databases import empty
from tests.placement.gate.test_lost import OnKafka
from tests.recovery.lost import NothingApplied


async def stated(database: Database) -> list[tuple[str, str, str, int, str | None]]:
    """Aftercare's facts on their way to care.events, by episode and sequence."""
    async with database.read() as connection:
        rows = [row for row in await stored(connection) if row.topic == "care.events"]
    facts = sorted((from_record(row.value, row.headers) for row in rows), key=lambda one: (one.subject, one.sequence))
    return [(one.id, one.name, one.subject, one.sequence, one.copy_of) for one in facts]


async def healed(desk: Desk, database: Database, records: Sequence[Record]) -> None:
    """`heal`, where the topics have these records."""
    alone = Database(database.engine.url.render_as_string(hide_password=False), pool=1)
    try:
        spool = Spool(alone)
        await spool.begin()
        await spool.put(told(OnKafka(one) for one in records))

        async def step(_: int) -> None:
            """Nobody is told."""

        healing = Healing(spool, load(SAMPLE), NothingApplied(), step, desk.clock)
        await healing.compare()
        await healing.heal()
    finally:
        await alone.close()


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("seed", range(3))
async def test_what_the_database_lost_of_merged_patients_is_adopted(
    desk: Desk, database: Database, seed: int, *, merged: bool
) -> None:
    before = await plays(desk, database, seed, None)
    last = before.last
    if merged:
        last = (gone(last[0]["version"] + 1), of_e2(last[1]["version"] + 1, OWN, *map(copied, THEIRS)))
        await take_in(database, *last)
    stood = await outcome(desk)
    async with database.read() as connection:
        own = [row for row in await stored(connection) if row.topic == "care.events"]
    await empty(database, EVERY)
    documents = [to_record(document_told(one), "care.episodes") for one in last]
    await healed(desk, database, [*own, *documents])
    assert await outcome(desk) == stood
    async with database.read() as connection:
        assert [str(one) for one in await broken(connection, SITE, desk.clock)] == []


@pytest.mark.usefixtures("completed")
async def test_copies_that_the_topic_lost_are_told_again_as_copies(desk: Desk, database: Database) -> None:
    await move(desk, await a_referral(desk), "received", "accepted")
    await contact(desk, day(1), "no-answer")
    await take_in(database, gone(2), of_e2(1, copied(COMPLETED)))
    before = await stated(database)
    assert [one for one in before if one[-1]]
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    await healed(desk, database, ())
    assert await stated(database) == before
