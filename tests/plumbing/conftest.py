"""A database with the plumbing tables and a little ledger that a handler of the tests writes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import sqlalchemy as sa

from shared.storage.database import Database
from shared.storage.first_tables import create_plumbing, outbox_of_batches, seal_dead_letters
from tests.databases import a_database


class Server(Protocol):
    url: str


@pytest.fixture
async def database(postgres: Server) -> AsyncIterator[Database]:
    async with a_database(postgres.url) as made:
        async with made.begin() as connection:
            await connection.run_sync(create_plumbing)
            await connection.run_sync(seal_dead_letters)
            await connection.run_sync(outbox_of_batches)
            await connection.execute(sa.text("CREATE TABLE ledger (ce_id text, topic_partition int, k text)"))
        yield made
