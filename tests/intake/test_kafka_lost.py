"""A database or a topic that was lost is seen: intake takes and sends nothing, and goes on once all is in line again.

Intake as a whole, on a broker and a database of its own; each test ends with both in line again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from tests.databases import everything, produce
from tests.intake.conftest import Hospital
from tests.intake.losing import Installation, installed_on
from tests.servers import DatabaseServer, a_broker
from tests.waiting import until


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics have their real names."""
    with a_broker(tmp_path_factory.mktemp("lost")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
async def installed(broker: str, postgres: DatabaseServer) -> AsyncIterator[Installation]:
    async with installed_on(broker, postgres) as made:
        yield made


async def test_a_database_that_was_put_back_is_seen_at_the_start(installed: Installation, hospital: Hospital) -> None:
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
    await installed.keep_a_copy()
    async with installed.running() as intake:
        assert await intake.told(hospital, "A03", "20260312100000") == b"AA"
        await intake.all_sent()
    await installed.put_the_copy_back()
    before = len(await everything(installed.settings.kafka, "care.events"))
    async with installed.running() as intake:
        await intake.is_held("older than its topics: it does not know 1 record of this service (care.events)")
        assert await intake.told(hospital, "A13", "20260312110000") == b"AR"
        raw = hospital.message("A08", "20260312120000")
        await produce(installed.settings.kafka, "hospital.adt", [(b"GOODHEALTH|M", raw, [])])
        (loss,) = await installed.losses()
        assert (loss.kind, loss.topic, loss.records) == ("database-older", "care.events", 1)
        async with installed.database() as database, database.read() as connection:
            assert (await connection.execute(sa.text("SELECT sum(received) FROM positions"))).scalar() in {None, 0}
        assert len(await everything(installed.settings.kafka, "care.events")) == before
        await installed.brought_in_line()
        await until(intake.is_ready)
        assert await intake.told(hospital, "A08", "20260311100000") == b"AA"


async def test_a_database_that_is_put_back_while_intake_runs_is_seen(
    installed: Installation, hospital: Hospital
) -> None:
    await installed.keep_a_copy()
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
        await installed.put_the_copy_back()
        assert await intake.told(hospital, "A03", "20260312100000") == b"AR", "not one message is taken in"
        await intake.is_held("the database is older than its topics")
        assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
        await installed.brought_in_line()
        await until(intake.is_ready)


@pytest.mark.parametrize(
    "while_it_runs", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["at the start", "while it runs"]
)
async def test_a_topic_that_was_made_anew_is_seen(
    installed: Installation, hospital: Hospital, while_it_runs: bool
) -> None:
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
        if while_it_runs:
            await installed.made_anew("care.events")
            await intake.is_held("a topic was made anew, and what was written to it is not there (care.events)")
            assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
            await installed.brought_in_line()
            await until(intake.is_ready)
            return
    await installed.made_anew("care.events")
    async with installed.running() as intake:
        await intake.is_held("a topic was made anew, and what was written to it is not there (care.events)")
        assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
        await installed.brought_in_line()
        await until(intake.is_ready)


@pytest.mark.slow
async def test_a_database_of_before_the_counts_begins_to_count_and_loses_nothing(
    installed: Installation, hospital: Hospital
) -> None:
    """As after an upgrade: no counts in the database, none on ops.writers, records on Kafka and in the outbox."""
    await installed.made_anew("ops.writers")
    async with installed.database() as database, database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM written"))
    async with installed.running() as intake:
        await until(intake.is_ready)
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
    async with installed.running() as intake:
        await until(intake.is_ready)
