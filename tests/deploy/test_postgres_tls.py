"""PGSSLMODE, which the chart sets for services and migrations: PostgreSQL's driver reads it beside the URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import SetUpError, Transient
from shared.storage.database import Database
from tests.servers import a_database_server
from tools.stack.databases import connect


@pytest.mark.parametrize("mode", ["require", "verify-full"])
async def test_who_asks_for_tls_does_not_speak_without_it(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_database_server(tmp_path / "server") as server:  # it has no certificate
        await (await connect(server.url, "the database")).close()
        monkeypatch.setenv("PGSSLMODE", mode)
        with pytest.raises(SetUpError):
            await connect(server.url, "the database")
        database = Database(server.url)
        try:
            with pytest.raises(Transient):
                async with database.read():
                    pass
        finally:
            await database.close()
