"""What comes round in placement: episodes that an older fold made are folded anew, a few at a time."""

from __future__ import annotations

from collections.abc import Callable

from services.placement import handlers
from services.placement.rules import Rules
from shared.clock import Clock
from shared.db import Database
from shared.run import Timer

AT_ONCE = 200
"""Episodes in one transaction: consumers of the same episodes wait no longer than that takes."""


def timers(database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str]) -> tuple[Timer, ...]:
    """Placement's timers."""

    async def fold_anew() -> None:
        await refold(database, rules, clock=clock, ids=ids)

    return (Timer("placement-fold-anew", 30.0, fold_anew),)


async def refold(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """Fold every outdated episode anew, each few in a transaction of their own; how many there were."""
    total = 0
    while True:
        async with database.begin() as connection:
            done = await handlers.refold(connection, rules=rules, clock=clock, ids=ids, most=at_once)
        total += done
        if done < at_once:
            return total
