"""Aftercare's copies of merged patients' facts after care.events lost them: told again as the copies that they are."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.aftercare.recovery.heal import Healing
from shared.facts.envelope import from_record
from shared.messaging.outbox import stored
from shared.messaging.spool import Spool
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from tests.aftercare.builders import day
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.desk.test_merges import copied, gone, of_e2
from tests.aftercare.test_handlers import take_in
from tests.recovery.lost import NothingApplied


async def stated(database: Database) -> list[tuple[str, str, str, int, str | None]]:
    """Aftercare's facts on their way to care.events, by episode and sequence."""
    async with database.read() as connection:
        rows = [row for row in await stored(connection) if row.topic == "care.events"]
    facts = sorted((from_record(row.value, row.headers) for row in rows), key=lambda one: (one.subject, one.sequence))
    return [(one.id, one.name, one.subject, one.sequence, one.copy_of) for one in facts]


@pytest.mark.usefixtures("completed")
async def test_copies_that_the_topic_lost_are_told_again_as_copies(desk: Desk, database: Database) -> None:
    await move(desk, await a_referral(desk), "received", "accepted")
    await contact(desk, day(1), "no-answer")
    await take_in(database, gone(2), of_e2(1, copied(COMPLETED)))
    before = await stated(database)
    assert [one for one in before if one[-1]]
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    alone = Database(database.engine.url.render_as_string(hide_password=False), pool=1)
    try:
        spool = Spool(alone)
        await spool.begin()

        async def step(_: int) -> None:
            """Nobody is told."""

        healing = Healing(spool, load(SAMPLE), NothingApplied(), step, desk.clock)
        await healing.compare()
        await healing.heal()
    finally:
        await alone.close()
    assert await stated(database) == before
