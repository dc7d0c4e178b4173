"""`stepdown retention` on a running system."""

from __future__ import annotations

import json

import sqlalchemy as sa

from shared.storage.database import Database
from tests.cli.conftest import RunningSystem

OLD = (
    "INSERT INTO answered_requests (caller, key, request, at) "
    "SELECT '', 'old ' || n, '', now() - interval '400 days' FROM generate_series(1, 3) AS n"
)


async def test_what_is_old_is_counted_and_then_deleted_by_service_and_kind(system: RunningSystem) -> None:
    database = Database(system.url("placement"), pool=1)
    async with database.begin() as connection:
        await connection.execute(sa.text(OLD))

    def told(command: str) -> dict[tuple[str, str], tuple[int | None, int]]:
        kinds = json.loads(system.stepdown(command).out)["kinds"]
        return {(each["service"], each["kind"]): (each["days"], each["number"]) for each in kinds}

    would = told("retention --dry-run --json")
    assert would["placement", "answered-requests"] == (2, 3)
    assert would["intake", "raw-messages"] == (None, 0)
    assert would["intake", "refused-messages"][0] == 30
    assert "kept for ever" in system.stepdown("retention --dry-run").out
    assert told("retention --json") == would
    assert told("retention --json")["placement", "answered-requests"] == (2, 0)
    async with database.read() as connection:
        actors = (await connection.execute(sa.text("SELECT actor FROM audit WHERE action = 'retention'"))).scalars()
        assert all(actor.startswith("cli:") for actor in actors)
    await database.close()
