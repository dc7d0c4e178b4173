"""The index by which persons are found is made of what is stored already: after an upgrade, in batches, while the
service runs.

Names are sealed, so only the service can. A person has a row once it is done, so it goes on where it stopped; a message
that changes a person meanwhile writes that person's row itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from services.intake.people.finding import store
from services.intake.people.finding.words import hashes, words_of
from services.intake.people.names import opened
from shared.storage.database import Database
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)
PAGE = 200
"""Patients in one transaction."""
TOLD_EVERY = 10_000
"""Patients from one line of the log to the next."""


class Persons(Protocol):
    """Where persons are stored, and what opens them; `prepared`: what the first version stored is brought over."""

    database: Database
    seal: Seal
    prepared: bool


@dataclass(slots=True)
class Filling:
    """Fills the index until nobody is left out; `done` so many persons in this process, `whole` once all are in it."""

    of: Persons
    done: int = 0
    whole: bool = False

    async def run(self) -> None:
        """Bring everybody in who is not in it yet. Raises Transient while the database is away."""
        if self.whole or not self.of.prepared:
            return
        after, told = "", self.done
        while last := await self._page(after):
            after = last
            if self.done - told >= TOLD_EVERY:
                told = self.done
                log.info("persons are brought into the index", extra={"done": self.done, "left": await self._left()})
        self.whole = not await self._left()
        if self.done:
            log.info("persons are in the index", extra={"done": self.done})

    async def _page(self, after: str) -> str:
        """Bring in one page of patients from behind `after` on; returns the last one, "" where there is none."""
        async with self.of.database.begin() as connection:
            found = await store.unindexed(connection, after, PAGE)
            await store.fill(
                connection,
                [
                    ((row.patient_id, row.facility), hashes(words_of(opened(row, self.of.seal)), self.of.seal))
                    for row in found
                ],
            )
        self.done += len(found)
        return max((row.patient_id for row in found), default="")

    async def _left(self) -> int:
        async with self.of.database.read() as connection:
            return await store.number_unindexed(connection)
