"""A database of placement's own for the tests of this folder, and the site that they play at."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from services.placement.gate.recipients import GateRules
from services.placement.rules import Rules, rules_of
from shared.clock import SetClock
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from tests.databases import empty
from tests.placement.feeding import Feed
from tests.placement.gating import Gate, two_recipients
from tests.servers import DatabaseServer

PLACE = "services/placement/migrations/versions"
VERSIONS = [import_module(f"{PLACE.replace('/', '.')}.{path.stem}") for path in sorted(Path(PLACE).glob("0*.py"))]


TABLES = (
    "episodes, facts, periods, seats, program_stays, entries, positions, parked, outbox, dead_letters, audit, merges, "
    "refusals, answered_requests, gate_episodes, gate_facts, consents, disclosures, not_told_again, withheld, "
    "packets_out, entry_marks, saved_views, desk_people, exits, seats_out, programs"
)
"""Placement's tables that hold anything."""


@pytest.fixture(scope="session")
async def placement_url(postgres: DatabaseServer) -> AsyncIterator[str]:
    """A database with placement's schema, gone after the session."""
    admin = sa.make_url(postgres.url).set(drivername="postgresql+asyncpg")
    name = f"placement_{uuid.uuid4().hex[:12]}"
    server = create_async_engine(admin, isolation_level="AUTOCOMMIT")
    async with server.connect() as connection:
        await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    mine = admin.set(database=name)
    engine = create_async_engine(mine)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()
    yield mine.render_as_string(hide_password=False)
    async with server.connect() as connection:
        await connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await server.dispose()


def migrate(connection: sa.Connection) -> None:
    """Placement's migrations, run by themselves."""
    with Operations.context(MigrationContext.configure(connection)):
        for version in VERSIONS:
            version.upgrade()


@pytest.fixture(scope="session")
async def connected(placement_url: str) -> AsyncIterator[Database]:
    """Placement's database, whose connections the tests share."""
    found = Database(placement_url, application="tests")
    yield found
    await found.close()


@pytest.fixture
async def database(connected: Database) -> Database:
    """Placement's database with nothing in it."""
    await empty(connected, TABLES.split(", "))
    return connected


@pytest.fixture(scope="session")
def rules() -> Rules:
    """The sample site's."""
    return rules_of(load(SAMPLE))


@pytest.fixture(scope="session")
def gate_site() -> GateRules:
    """The sample site's recipient, and a county board that gets only residential ends of RIVERBEND, by agreement."""
    return two_recipients()


@pytest.fixture
def gate(database: Database, gate_site: GateRules, clock: SetClock) -> Gate:
    return Gate(database, gate_site, clock)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 5, 4, 12, tzinfo=UTC))


@pytest.fixture
def ids() -> Callable[[], str]:
    """own-1, own-2, …"""
    numbers = count(1)
    return lambda: f"own-{next(numbers)}"


@pytest.fixture
def feed(database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]) -> Feed:
    return Feed(database, rules, clock, ids)
