"""A database with the plumbing tables and a little ledger that a handler of the tests writes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import sqlalchemy as sa

from shared.storage.database import Database
from shared.storage.first_tables import (
    create_plumbing,
    create_retired,
    create_written,
    outbox_of_batches,
    seal_dead_letters,
)
from shared.storage.tables import PLUMBING
from tests.databases import a_database, empty


class Server(Protocol):
    url: str


@pytest.fixture(scope="session")
async def plumbing_url(postgres: Server) -> AsyncIterator[str]:
    """The database, made once: that takes longer than most of its tests."""
    async with a_database(postgres.url) as made:
        async with made.begin() as connection:
            await connection.run_sync(create_plumbing)
            await connection.run_sync(seal_dead_letters)
            await connection.run_sync(outbox_of_batches)
            await connection.run_sync(create_retired)
            await connection.run_sync(create_written)
            await connection.execute(sa.text("CREATE TABLE ledger (ce_id text, topic_partition int, k text)"))
        yield made.engine.url.render_as_string(hide_password=False)


@pytest.fixture
async def database(plumbing_url: str) -> AsyncIterator[Database]:
    """It with nothing in it, by connections of the test's own."""
    made = Database(plumbing_url)
    await empty(made, ["ledger", *PLUMBING.tables])
    yield made
    await made.close()
