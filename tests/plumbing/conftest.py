"""A database with the plumbing tables only, for the session; emptied before each test that asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from shared.db import Database
from shared.tables import PLUMBING, create_plumbing
from tests.databases import fresh, given_postgres


@pytest.fixture(scope="session")
def postgres() -> Any:
    """An admin URL; a parent conftest may offer its own."""
    return given_postgres()


@pytest.fixture(scope="session")
async def plumbed(postgres: Any) -> AsyncIterator[Database]:
    """The session's database."""
    async with fresh(postgres.url, "plumbing") as database:
        async with database.begin() as connection:
            await connection.run_sync(create_plumbing)
        yield database


@pytest.fixture
async def database(plumbed: Database) -> Database:
    """The same with nothing in it."""
    async with plumbed.begin() as connection:
        await connection.execute(sa.text(f"TRUNCATE {', '.join(table.name for table in PLUMBING.sorted_tables)}"))
    return plumbed
