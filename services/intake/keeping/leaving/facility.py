"""Deletes of a facility that left what says who its patients are, in small transactions; what was told of their care
stays.

Safe to run again, also after it was killed: each transaction deletes some of what is left, and says so in the audit.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.keeping.leaving import store
from shared.errors import SetUpError, Transient
from shared.storage import audit
from shared.storage.database import Connection, Database

KINDS = ("names", "identifiers", "matches", "unknown-needs", "raw-messages", "refused-messages")
PATIENCE, POLL = 90.0, 0.05
"""Seconds to wait at most for transactions that began before, and between two looks; none lasts more than a minute."""


async def counts(database: Database, facility: str) -> dict[str, int]:
    """Kind → how much there is of it. Writes nothing."""
    async with database.read() as connection:
        return await store.counts(connection, facility)


async def must_be_ready(database: Database) -> None:
    """Raise SetUpError while what the first version stored of persons is not brought over."""
    async with database.read() as connection:
        if not await store.is_ready(connection):
            raise SetUpError("what the first version stored of persons is not brought over yet: start intake once")


async def wait_for_older(database: Database) -> None:
    """Wait until every transaction is over that may not know yet that the facility left.

    Raises Transient where one goes on for PATIENCE seconds.
    """
    async with database.read() as connection:
        since = await store.now(connection)
    end = time.monotonic() + PATIENCE
    while True:
        async with database.read() as connection:
            if not await store.older_transactions(connection, since):
                return
        if time.monotonic() > end:
            raise Transient("a transaction from before goes on and on: run it again")
        await asyncio.sleep(POLL)


@dataclass(slots=True)
class Leaving:
    """A facility that left; `delete` deletes what says who its patients are, and audits it as done by `actor`."""

    database: Database
    facility: str
    actor: str
    at: datetime
    gone: Counter[str] = field(default_factory=Counter)

    async def delete(self) -> dict[str, int]:
        """Delete all of it; returns kind → how much went. Raises Transient where something stays locked."""
        await self._persons()
        await self._statements()
        await self._matches()
        await self._needs()
        await self._texts()
        await self._refused()
        left = {kind: number for kind, number in (await counts(self.database, self.facility)).items() if number}
        if left:
            told = ", ".join(f"{number} {kind}" for kind, number in left.items())
            raise Transient(f"not all of it could be deleted now ({told}): run it again")
        return {kind: self.gone[kind] for kind in KINDS}

    async def _persons(self) -> None:
        """Names and numbers, page by page of the patients."""
        after = ""
        while True:
            async with self.database.begin() as connection:
                patients = await store.page(connection, self.facility, after)
                if not patients:
                    return
                names = await store.delete_names(connection, self.facility, patients)
                numbers = await store.delete_numbers(connection, self.facility, patients)
                await self._note(connection, {"names": names, "identifiers": numbers})
            after = patients[-1]

    async def _statements(self) -> None:
        """The record numbers in what it said of two patients."""
        number = 1
        while number:
            async with self.database.begin() as connection:
                number = await store.delete_numbers_told_of_records(connection, self.facility)
                await self._note(connection, {"identifiers": number})

    async def _matches(self) -> None:
        more = True
        while more:
            async with self.database.begin() as connection:
                number, more = await store.delete_matches(connection, self.facility)
                await self._note(connection, {"matches": number})

    async def _needs(self) -> None:
        number = 1
        while number:
            async with self.database.begin() as connection:
                number = await store.delete_needs(connection, self.facility)
                await self._note(connection, {"unknown-needs": number})

    async def _texts(self) -> None:
        after: str | None = ""
        while after is not None:
            async with self.database.begin() as connection:
                after, raw, refused = await store.delete_texts(connection, self.facility, after)
                await self._note(connection, {"raw-messages": raw, "refused-messages": refused})

    async def _refused(self) -> None:
        number = 1
        while number:
            async with self.database.begin() as connection:
                number = await store.delete_refused(connection, self.facility)
                await self._note(connection, {"refused-messages": number})

    async def _note(self, connection: Connection, gone: dict[str, int]) -> None:
        """Write to the audit what this transaction deletes, and count it."""
        entries = [
            audit.Entry(self.at, self.actor, "facility-retired", self.facility, kind, number)
            for kind, number in gone.items()
            if number
        ]
        await audit.note(connection, entries)
        self.gone.update(gone)
