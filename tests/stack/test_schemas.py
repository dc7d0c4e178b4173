"""Each service's migrations make the tables that its program declares, and take them away again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from services.intake.requests.consents.tables import CONSENTS
from services.placement.gate.tables import GATE
from shared.storage import migrations
from shared.storage.database import Database
from shared.storage.desk_tables import DESK
from shared.storage.session_rows import SESSIONS
from shared.storage.tables import KEYS, PLUMBING
from tests.databases import a_database, migrate
from tests.servers import DatabaseServer
from tools.stack import SERVICES

DECLARED = {
    "intake": ("services.intake.tables", "INTAKE", (PLUMBING, KEYS, CONSENTS, SESSIONS, DESK)),
    "placement": ("services.placement.tables", "METADATA", (PLUMBING, KEYS, GATE, DESK)),
    "aftercare": ("services.aftercare.tables", "METADATA", (PLUMBING, KEYS, DESK)),
}
ROOT = Path(__file__).resolve().parents[2]
VERSIONS = sorted(ROOT.glob("services/*/migrations/versions/[0-9]*.py"))


@pytest.fixture(params=SERVICES)
async def migrated(request: Any, postgres: DatabaseServer) -> AsyncIterator[tuple[str, Database]]:
    """A service's name, and an empty database with its migrations run."""
    async with a_database(postgres.url) as database:
        await migrate(database, request.param)
        yield request.param, database


def differences(connection: sa.Connection, service: str) -> list[Any]:
    """What a migration would still have to change."""
    module, own, more = DECLARED[service]
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, [getattr(import_module(module), own), *more]))  # type: ignore[arg-type]


async def test_the_migrations_make_what_the_program_declares(migrated: tuple[str, Database]) -> None:
    service, database = migrated
    async with database.begin() as connection:
        assert await connection.run_sync(differences, service) == []


async def test_a_table_that_no_migration_makes_is_found(migrated: tuple[str, Database]) -> None:
    service, database = migrated
    async with database.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE outbox DROP COLUMN value"))
        found = await connection.run_sync(differences, service)
    assert [(what, table) for what, _, table, *_ in found] == [("add_column", "outbox")]


async def test_the_way_back_leaves_an_empty_database(migrated: tuple[str, Database]) -> None:
    service, database = migrated

    def back(connection: sa.Connection) -> list[str]:
        with Operations.context(MigrationContext.configure(connection)):
            for revision in script_of(service).walk_revisions():
                revision.module.downgrade()
        return sa.inspect(connection).get_table_names()

    async with database.begin() as connection:
        assert await connection.run_sync(back) == ["alembic_version"]


def script_of(service: str) -> ScriptDirectory:
    """A service's migrations as alembic sees them."""
    settings = Config()
    settings.set_main_option("script_location", str(migrations.folder(f"services.{service}")))
    settings.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(settings)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_one_line_of_migrations(service: str) -> None:
    assert len(script_of(service).get_heads()) == 1


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: f"{path.parts[-4]}-{path.stem}")
def test_a_migration_reads_nothing_that_changes_with_the_program(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ours = set(re.findall(r"^(?:from|import) ((?:services|shared)\S*)", text, re.MULTILINE))
    assert ours <= {"shared.storage.first_tables", "shared.storage.first_changes"}
