"""Brings intake's database and care.events in line again, in pages of episodes, each in a transaction of its own
(contract 5.8). Safe to be ended at any time and run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from services.intake.hl7.mapping import FacilityMap
from services.intake.recovery import store
from services.intake.recovery.adopt import Adoption
from services.intake.recovery.tell import tell_facts
from shared.clock import Clock, system_clock
from shared.messaging.spool import (
    TO_ADOPT,
    TWO_FACTS,
    Applied,
    Spool,
    Step,
    compare_own,
    in_pages,
    stuck,
    two_facts,
    without_two,
)
from shared.site.config import Site
from shared.storage.database import Database
from shared.storage.sealing import Seal


@dataclass(slots=True)
class Healing:
    """One run on intake's database; `spool` has what care.events holds, `applied` is placement's table of facts."""

    spool: Spool
    site: Site
    seal: Seal
    applied: Applied
    step: Step
    clock: Clock = system_clock
    done: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    async def compare(self) -> Counter[str]:
        """How many of each kind are to be told again or adopted."""
        self.found = await compare_own(self.spool, self.applied, "intake", store.sequences_of)
        return +without_two(self.found)

    async def heal(self) -> Counter[str]:
        """Adopt, then tell again; returns what was done, by kind. After `compare`."""
        adoption = Adoption(self.site, self.seal, self.clock)
        self.done = await self.spool.work_off("unknown", adoption.adopt, self.step)
        if self.done:
            await adoption.derive_again(self.spool.database)
        places = FacilityMap(self.site)
        self.done += await self.spool.work_off(
            "untold", lambda connection, page: tell_facts(connection, page, places, self.applied), self.step
        )
        return +self.done

    def gone(self) -> list[str]:
        """Sentences about what cannot come back; after `compare`, in full after `heal`."""
        told = [
            f"{number:,} {kind}: no topic has them"
            for kind in ("raw messages", "persons without a name")
            if (number := self.done[kind])
        ]
        if self.found[TO_ADOPT]:
            told.append("matches, names and contacts told since the backup, and the audit: no topic has them")
        if self.done:
            told += stuck(self.found[TO_ADOPT], self.done["own facts adopted"])
        return told + two_facts(self.found[TWO_FACTS])


def seen(database: Database) -> AsyncIterator[Mapping[str, int]]:
    """Episode → the version of its document that intake holds, in pages."""
    return in_pages(database, store.seen_after)
