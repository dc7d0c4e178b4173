"""Entries in each database's audit: a backup has everything of every patient, so taking or restoring one is told."""

from __future__ import annotations

from collections.abc import Mapping

from shared.clock import system_clock
from shared.storage import audit
from shared.storage.database import Database


async def noted(urls: Mapping[str, str], actor: str, action: str) -> None:
    """Write `actor` and `action` into the audit of each of these databases (service → URL)."""
    for service, url in urls.items():
        database = Database(url, pool=1, application="stepdown-cli")
        try:
            async with database.begin() as connection:
                await audit.note(connection, [audit.Entry(system_clock(), actor, action, service)])
        finally:
            await database.close()
