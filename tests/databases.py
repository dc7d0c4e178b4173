"""A database with a random name on a given PostgreSQL, dropped at the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import Database


def given_postgres() -> Any:
    """Something with `.url`, an admin URL from the environment; skips where there is none."""
    url = os.environ.get("STEPDOWN_DATABASE_URL")
    if not url:
        pytest.skip("STEPDOWN_DATABASE_URL names no PostgreSQL")
    return SimpleNamespace(url=url)


@asynccontextmanager
async def fresh(url: str, prefix: str) -> AsyncIterator[Database]:
    """An empty database, gone afterwards."""
    url = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    admin = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    database = Database(url.rsplit("/", 1)[0] + "/" + name, pool=4)
    try:
        yield database
    finally:
        await database.close()
        async with admin.connect() as connection:
            await connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        await admin.dispose()
