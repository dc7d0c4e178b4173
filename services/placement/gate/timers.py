"""The gate's timer: withheld facts are decided on again when a consent begins or the site config has changed."""

from __future__ import annotations

from collections.abc import Callable

from services.placement.gate import apply
from services.placement.gate.recipients import GateRules
from shared.clock import Clock
from shared.run import Timer
from shared.storage.database import Database

AT_ONCE = 200
"""Episodes in one transaction."""


def timers(database: Database, rules: GateRules, *, clock: Clock, ids: Callable[[], str]) -> tuple[Timer, ...]:
    """The gate's timers."""

    async def again() -> None:
        await look_again(database, rules, clock=clock, ids=ids)

    return (Timer("placement-gate-looks-again", 30.0, again),)


async def look_again(
    database: Database, rules: GateRules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """Decide again on every episode that is due, `at_once` of them in a transaction; returns how many there were."""
    total = 0
    while True:
        async with database.begin() as connection:
            done = await apply.look_again(connection, rules=rules, clock=clock, ids=ids, most=at_once)
        total += done
        if done < at_once:
            return total
