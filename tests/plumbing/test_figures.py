"""What a service says of itself in metrics: release, site, connections, readiness, dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from pydantic import SecretStr

from shared import figures
from shared.clock import SetClock
from shared.facts.envelope import Record
from shared.messaging import outbox
from shared.messaging.broker import broker_for
from shared.run import ServiceProcess
from shared.settings import Settings
from shared.storage.database import Connection, Database
from shared.storage.tables import dead_letters
from tests.plumbing.test_health import KEY
from tests.waiting import until

NAME = "figured"


def told(name: str, **labels: str) -> float | None:
    """What is scraped of a metric."""
    return REGISTRY.get_sample_value(f"stepdown_{name}", labels)


def a_service(database: Database, ahead: timedelta = timedelta(0)) -> ServiceProcess:
    """A service with nothing but a database and a site, whose clock is so far ahead."""
    settings = Settings(database_url=SecretStr("postgresql://x@127.0.0.1/x"), kafka="127.0.0.1:9", message_keys=KEY)
    clock = SetClock(datetime.now(UTC) + ahead)
    return ServiceProcess(
        NAME, settings, database, broker_for(settings, NAME), [], clock=clock, site_version="a1b2c3d4e5f6"
    )


@pytest.fixture
async def small(plumbing_url: str) -> AsyncIterator[Database]:
    """The database by a pool of one connection, and four more for peaks."""
    made = Database(plumbing_url, pool=1)
    yield made
    await made.close()


def test_release_and_site_are_told_from_the_start(database: Database) -> None:
    a_service(database)
    assert told("build_info", service=NAME, version=version("stepdown")) == 1
    assert told("site_info", service=NAME, version="a1b2c3d4e5f6") == 1


async def test_it_is_told_whether_the_service_is_ready_and_how_far_its_clock_is_off(database: Database) -> None:
    service = a_service(database, ahead=timedelta(minutes=-6))
    assert told("ready", service=NAME) == 0, "nothing was looked at yet"
    service.started = True
    await service.ready()
    assert told("ready", service=NAME) == 0
    off = told("clock_apart_seconds", service=NAME)
    assert off is not None
    assert -365 < off < -355
    service = a_service(database)
    service.started = True
    await service.ready()
    assert told("ready", service=NAME) == 1


async def test_the_pool_is_told_as_it_is_at_the_scrape(small: Database) -> None:
    a_service(small)
    done = asyncio.Event()

    async def hold() -> None:
        async with small.read():
            await done.wait()

    assert (told("database_pool_size", service=NAME), told("database_pool_in_use", service=NAME)) == (5, 0)
    holding = [asyncio.create_task(hold()) for _ in range(7)]
    await until(lambda: told("database_pool_in_use", service=NAME) == 5)
    await until(lambda: told("database_pool_waiting", service=NAME) == 2)
    done.set()
    await asyncio.gather(*holding)
    assert (told("database_pool_in_use", service=NAME), told("database_pool_waiting", service=NAME)) == (0, 0)


def letter(number: int, state: str) -> dict[str, Any]:
    at = {"consumer": f"{NAME}.care.events", "topic": "care.events", "partition": 0, "kafka_offset": number}
    return at | {"id": f"l{number}", "error": "no", "attempts": 1, "state": state}


async def test_dead_letters_are_told_until_somebody_settles_them(database: Database) -> None:
    consumers = [f"{NAME}.care.events"]
    async with database.begin() as connection:
        rows = [letter(n, state) for n, state in enumerate(("dead", "dead", "replay", "replayed", "discarded"))]
        await connection.execute(sa.insert(dead_letters), rows)
    await figures.look(database, NAME, consumers, None)
    assert told("dead_letters", consumer=consumers[0]) == 3
    assert told("dead_letters", consumer=f"{NAME}.outbox") == 0
    async with database.begin() as connection:
        await connection.execute(sa.update(dead_letters).values(state="replayed"))
    await figures.look(database, NAME, consumers, None)
    assert told("dead_letters", consumer=consumers[0]) == 0


async def test_the_outbox_is_told_also_where_no_relay_works(database: Database) -> None:
    async with database.begin() as connection:
        await outbox.send(connection, [Record("care.events", b"k", b"{}", []) for _ in range(3)])
    await figures.look(database, NAME, (), None)
    assert told("outbox_waiting", service=NAME) == 3


async def test_a_service_adds_its_own_figures_in_the_same_transaction(database: Database) -> None:
    seen: list[int] = []

    async def own(connection: Connection) -> None:
        seen.append((await connection.execute(sa.text("SELECT 1"))).scalar_one())

    await figures.look(database, NAME, (), own)
    assert seen == [1]
