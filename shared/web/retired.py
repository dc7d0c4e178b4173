"""Facilities that left are in nobody's scope any more, but for auditors and administrators (decision 0185)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import replace

from shared.errors import Transient
from shared.storage.database import Database
from shared.storage.retired import retired
from shared.web.auth import Caller

FRESH = 1.0
"""Seconds after which a request reads again which facilities have left."""
STILL_SEE: frozenset[str] = frozenset({"auditor", "admin"})


class RetiredFacilities:
    """Which facilities have left, as far as this process knows. `site`: all facilities of the site, which a token for
    all of them (`*`) stands for."""

    def __init__(self, database: Database, site: Iterable[str]) -> None:
        self._database, self._site = database, frozenset(site)
        self._left: frozenset[str] = frozenset()
        self._read_at = -FRESH
        self._reading = asyncio.Lock()

    async def up_to_date(self) -> None:
        """Read again which have left, where the last reading is FRESH seconds old; awaited before each request. While
        the database is away nothing is read, here as elsewhere."""
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH:
                return
            with contextlib.suppress(Transient):
                async with self._database.read() as connection:
                    self._left = await retired(connection)
                self._read_at = time.monotonic()

    def without(self, who: Caller) -> Caller:
        """The caller without the facilities that have left; an auditor and an administrator keep them."""
        if not self._left or who.roles & STILL_SEE:
            return who
        seen = self._site if "*" in who.facilities else who.facilities
        return replace(who, facilities=seen - self._left)
