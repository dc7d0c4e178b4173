"""A database of aftercare's own for the session, made by its migration; emptied before each test that asks for it."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from services.aftercare import migrations
from services.aftercare.tables import METADATA
from shared.storage.database import Database
from shared.storage.desk_tables import DESK
from shared.storage.tables import KEYS, PLUMBING
from tests.databases import a_database, empty


def _module(path: Path) -> ModuleType:
    """The module of a migration, whose name no import statement can say."""
    spec = importlib.util.spec_from_file_location(f"aftercare_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def migrate(connection: sa.Connection) -> None:
    """Run the migrations in their order, as the shared environment does."""
    versions = Path(migrations.__path__[0]) / "versions"
    with Operations.context(MigrationContext.configure(connection)):
        for path in sorted(versions.glob("[0-9]*.py")):
            _module(path).upgrade()


@pytest.fixture(scope="session")
async def migrated(postgres: Any) -> AsyncIterator[Database]:
    """A database with a random name, dropped after the session."""
    async with a_database(postgres.url) as database:
        async with database.begin() as connection:
            await connection.run_sync(migrate)
        yield database


@pytest.fixture
async def database(migrated: Database) -> Database:
    """The session's database with nothing in it."""
    every = (METADATA, PLUMBING, KEYS, DESK)
    await empty(migrated, [table.name for each in every for table in each.sorted_tables])
    return migrated
