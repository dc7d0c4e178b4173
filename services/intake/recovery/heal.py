"""Brings intake's database and care.events in line again, in pages of episodes, each in a transaction of its own
(contract 5.8). Safe to be ended at any time and run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from services.intake.hl7.mapping import FacilityMap
from services.intake.recovery import store
from services.intake.recovery.adopt import Adoption
from services.intake.recovery.tell import tell_facts
from shared.clock import Clock, system_clock
from shared.messaging.spool import Applied, Spool, put_applied, stuck
from shared.site.config import Site
from shared.storage.database import Database
from shared.storage.sealing import Seal

AT_ONCE = 200
"""Episodes in one transaction."""


@dataclass(slots=True)
class Healing:
    """One run on intake's database; `spool` has what care.events holds, `applied` is placement's table of facts."""

    spool: Spool
    site: Site
    seal: Seal
    applied: Applied
    step: Callable[[int], Awaitable[None]]
    clock: Clock = system_clock
    done: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    async def compare(self) -> Counter[str]:
        """How many of each kind are to be told again or adopted."""
        await put_applied(self.spool, self.applied, "intake", store.sequences_of)
        await self.spool.indexed()
        self.found["facts to be adopted"] = await self.spool.compare("unknown", store.UNKNOWN)
        self.found["facts"] = await self.spool.compare("untold", store.UNTOLD_WHEN_ADOPTED)
        self.found["places with two facts"] = await self.spool.compare("others", store.OTHERS)
        return +self.found

    async def heal(self) -> Counter[str]:
        """Adopt, then tell again; returns what was done, by kind. After `compare`."""
        adoption = Adoption(self.site, self.seal, self.clock)
        async for page in self.spool.pages("unknown", AT_ONCE):
            async with self.spool.database.begin() as connection:
                done = await adoption.adopt(connection, page)
            self.done += done
            await self.step(len(page))
        if self.done:
            await adoption.derive_again(self.spool.database)
        places = FacilityMap(self.site)
        async for page in self.spool.pages("untold", AT_ONCE):
            async with self.spool.database.begin() as connection:
                done = await tell_facts(connection, page, places, self.applied)
            self.done += done
            await self.step(len(page))
        return +self.done

    def gone(self) -> list[str]:
        """Sentences about what cannot come back; after `compare`, in full after `heal`."""
        told = [
            f"{number:,} {kind}: no topic has them"
            for kind in ("raw messages", "persons without a name")
            if (number := self.done[kind])
        ]
        if self.found["facts to be adopted"]:
            told.append("matches, names and contacts told since the backup, and the audit: no topic has them")
        if self.done:
            told += stuck(self.found["facts to be adopted"], self.done["own facts adopted"])
        if n := self.found["places with two facts"]:
            told.append(f"{n} places of care.events hold another fact than the table: a number was given twice")
        return told


async def seen(database: Database, page: int = 2000) -> AsyncIterator[Mapping[str, int]]:
    """Episode → the version of its document that intake holds, in pages."""
    after = ""
    while True:
        async with database.read() as connection:
            found = await store.seen_after(connection, after, page)
        if not found:
            return
        after = max(found)
        yield found
