"""Facts brought to placement's handlers as its consumer does, one transaction a batch, without a broker between."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from services.placement import handlers
from services.placement.rules import Rules, rules_of
from shared import positions, site_config
from shared.clock import system_clock
from shared.db import Database
from shared.errors import StepdownError
from shared.events.envelope import Fact
from shared.positions import Incoming, Move, Position, Slot, Tally
from shared.tables import outbox

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
            tally.some_wait = await positions.advance(
                connection, handlers.CONSUMER, [Move(SLOT, self.next, after, len(batch))]
            )
            await handlers.apply(connection, incoming, tally, rules=self.rules, clock=system_clock, ids=_new_id)
            await positions.count(connection, handlers.CONSUMER, tally)
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
        await positions.begin_at(connection, handlers.CONSUMER, SLOT, 0)
    return Feed(database, rules_of(site_config.load(None)))


def _new_id() -> str:
    return str(uuid.uuid4())
