"""The alembic environment that all services share: up to date by the owner role, all of an upgrade or nothing."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from shared.errors import SetUpError
from shared.storage import migrations
from tests.servers import DatabaseServer
from tools.stack import databases

ENV = "from shared.storage.migrations import run\nrun()\n"
REVISION = """
from alembic import op
revision, down_revision = "{this}", {before}
def upgrade():
    op.execute("{sql}")
"""


def revision(place: Path, this: str, before: str | None, sql: str) -> None:
    (place / "versions").mkdir(exist_ok=True)
    (place / "env.py").write_text(ENV)
    (place / "versions" / f"{this}.py").write_text(REVISION.format(this=this, before=repr(before), sql=sql))


@pytest.fixture
async def url(postgres: DatabaseServer) -> str:
    admin = await asyncpg.connect(postgres.url)
    await admin.execute("DROP DATABASE IF EXISTS migrated")
    await admin.execute("CREATE DATABASE migrated")
    await admin.close()
    return databases.on_database(postgres.url, "migrated")


async def tables(url: str) -> list[str]:
    inside = await asyncpg.connect(url)
    try:
        found = await inside.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [row[0] for row in found]
    finally:
        await inside.close()


async def test_an_upgrade_is_done_once_and_goes_on_from_there(url: str, tmp_path: Path) -> None:
    revision(tmp_path, "one", None, "CREATE TABLE beds (id int)")
    await migrations.upgrade(url, tmp_path)
    await migrations.upgrade(url, tmp_path)
    revision(tmp_path, "two", "one", "CREATE TABLE seats (id int)")
    await migrations.upgrade(url, tmp_path)
    assert await tables(url) == ["alembic_version", "beds", "seats"]


async def test_of_an_upgrade_that_fails_nothing_is_kept(url: str, tmp_path: Path) -> None:
    revision(tmp_path, "one", None, "CREATE TABLE beds (id int)")
    revision(tmp_path, "two", "one", "CREATE TABLE beds (id int)")
    with pytest.raises(SetUpError, match="nothing of it was kept"):
        await migrations.upgrade(url, tmp_path)
    assert await tables(url) == []


async def test_a_schema_of_a_newer_program_is_refused(url: str, tmp_path: Path) -> None:
    revision(tmp_path, "one", None, "CREATE TABLE beds (id int)")
    await migrations.upgrade(url, tmp_path)
    (tmp_path / "versions" / "one.py").unlink()
    revision(tmp_path, "other", None, "SELECT 1")
    with pytest.raises(SetUpError, match="does not fit this program"):
        await migrations.upgrade(url, tmp_path)
