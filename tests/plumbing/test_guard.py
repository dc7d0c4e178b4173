"""The guard holds a service while databases and topics are not in line, and lets it go on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.errors import Transient
from shared.messaging import written
from shared.messaging.written import Written
from shared.recovery import store
from shared.recovery.comparing import in_line, only_writer
from shared.recovery.guard import NOT_COMPARED, Guard
from shared.storage.database import Database
from tests.databases import a_topic
from tests.plumbing.test_relay import a_relay, commit, records, service
from tests.servers import running
from tests.waiting import until
from tools.stack.broker import Broker
from tools.stack.folder import claim, ports

__all__ = ["service"]


@asynccontextmanager
async def guarding(guard: Guard) -> AsyncIterator[Guard]:
    task = asyncio.create_task(guard.run())
    try:
        yield guard
    finally:
        task.cancel()
        await guard.stop()


async def stores(database: Database) -> bool:
    """Whether anything can be stored."""
    try:
        async with database.begin() as connection:
            await connection.execute(sa.text("SELECT 1"))
    except Transient:
        return False
    return True


async def end_its_connections(database: Database) -> None:
    """As a restart of the server does."""
    other = Database(database.engine.url.render_as_string(hide_password=False))
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
    async with other.read() as connection:
        (mine,) = (await connection.execute(sa.text("SELECT pg_backend_pid()"))).one()
        await connection.exec_driver_sql(query, (mine,))
    await other.close()


async def test_nothing_is_stored_before_database_and_broker_were_compared(
    kafka: str, database: Database, service: str
) -> None:
    guard = Guard(database, service, {"bootstrap_servers": kafka}, [await a_topic(kafka)])
    guard.hold()
    with pytest.raises(Transient, match=NOT_COMPARED):
        async with database.begin():
            pass
    assert await guard.in_line(10)
    assert await stores(database)
    await guard.stop()


async def test_while_the_broker_is_away_a_start_waits_and_a_service_that_was_compared_goes_on(
    database: Database, service: str, tmp_path: Path
) -> None:
    broker = Broker(claim(tmp_path), ports({"broker": 0})["broker"])
    guard = Guard(database, service, {"bootstrap_servers": broker.bootstrap}, ["t"])
    guard.hold()
    assert not await guard.in_line(0.5)
    assert not await stores(database)
    async with guarding(guard):
        with running(broker.command(), broker.is_ready):
            await a_topic(broker.bootstrap)
            await until(lambda: stores(database))
        await end_its_connections(database)
        assert not await stores(database), "it may be another database by now"
        await until(lambda: stores(database))
        assert await guard.look() is False, "the broker is away"


async def test_a_connection_that_was_lost_and_a_count_that_went_back_hold_the_service(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(3)))
    await relay.once()
    kept = await written.load(database)
    await commit(database, records(topic, range(3, 5)))
    await relay.once()
    guard = Guard(database, service, relay.connect, [topic], counted=relay.counted)
    guard.hold()
    assert await guard.in_line(10)
    async with guarding(guard):
        async with database.begin() as connection:
            await store.set_written(connection, kept)
        await end_its_connections(database)
        assert not await stores(database)
        await until(lambda: guard.found)
        assert "it does not know 2 records of this service" in (database.held or "")
        async with database.read() as connection:
            assert (await connection.execute(sa.text("SELECT 1"))).scalar() == 1, "reading goes on"
    await relay.stop()


async def test_an_own_fact_that_is_not_known_holds_the_service_until_a_heal_has_finished(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    connect = {"bootstrap_servers": kafka}
    guard = Guard(database, service, connect, [topic])
    guard.hold()
    assert await guard.in_line(10)
    await guard.is_ahead(topic, 0)
    assert not await guard.look()
    assert "it does not know a fact of this service" in (database.held or "")
    other = Database(database.engine.url.render_as_string(hide_password=False))
    async with only_writer(other, service, connect) as producer:
        assert not await guard.look()
        assert "`stepdown heal` has begun" in (database.held or "")
        await in_line(other, service, connect, producer, [topic])
    await other.close()
    assert await guard.look()
    assert await stores(database)
    await guard.stop()


async def test_once_in_line_both_counterparts_say_the_same_and_a_relay_goes_on_from_there(
    kafka: str, database: Database, service: str
) -> None:
    topic = await a_topic(kafka, 1)
    relay = a_relay(database, kafka, service)
    await commit(database, records(topic, range(4)))
    await relay.once()
    await relay.stop()
    async with database.begin() as connection:
        await store.set_written(connection, {(topic, 0): Written(1, 0, 1)})
    async with only_writer(database, service, relay.connect) as producer:
        counts = await in_line(database, service, relay.connect, producer, [topic])
    assert counts[topic, 0].records == 4
    assert await written.load(database) == counts
    again = a_relay(database, kafka, service)
    await commit(database, records(topic, range(4, 6)))
    assert await again.once() == 2
    assert (await written.load(database))[topic, 0].records == 6
    guard = Guard(database, service, relay.connect, [topic])
    assert await guard.look(all_of_it=True)
    for one in (guard, again):
        await one.stop()
