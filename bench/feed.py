"""Facts brought to placement's handlers as its consumer does, one transaction a batch, without a broker between."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from services.placement.engine import apply
from services.placement.rules import Rules, rules_of
from shared.clock import system_clock
from shared.errors import StepdownError
from shared.facts.envelope import Fact
from shared.messaging import positions
from shared.messaging.positions import Incoming, Move, Position, Slot, Tally
from shared.site import config
from shared.storage.database import Database
from shared.storage.tables import outbox

SLOT = Slot("care.events", 0)


@dataclass
class Feed:
    """One partition's consumer of care.events, played: position, facts, folds, periods, outbox and audit commit."""

    database: Database
    rules: Rules
    next: int = 0

    async def bring(self, batch: Sequence[Fact]) -> float:
        """Apply a batch; the seconds that it took, commit included. Raises StepdownError if one was not applied."""
        incoming = [Incoming(SLOT, self.next + n, one.subject.encode(), one) for n, one in enumerate(batch)]
        after = Position(self.next + len(batch), self.next + len(batch) - 1, batch[-1].id)
        tally, began = Tally(), time.perf_counter()
        async with self.database.begin() as connection:
            tally.advance = positions.Advance(apply.CONSUMER, [Move(SLOT, self.next, after, len(batch))])
            if line := await apply.INBOX(connection, incoming, tally):
                await apply.apply(connection, line, rules=self.rules, clock=system_clock, ids=_new_id)
            await positions.count(connection, apply.CONSUMER, tally)
        took = time.perf_counter() - began
        self.next = after.next_offset
        if tally.total()["applied"] != len(batch):
            raise StepdownError("some facts of a benchmark were not applied")
        return took

    async def relayed(self) -> None:
        """Empty the outbox, as the relay does."""
        async with self.database.begin() as connection:
            await connection.execute(sa.delete(outbox))


async def feed_of(database: Database) -> Feed:
    """At the beginning of an empty database; the process set as a service sets itself (shared/run.py)."""
    gc.freeze()
    async with database.begin() as connection:
        await positions.begin_at(connection, apply.CONSUMER, SLOT, 0)
    return Feed(database, rules_of(config.load(None)))


def _new_id() -> str:
    return str(uuid.uuid4())
