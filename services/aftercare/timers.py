"""What comes round by the clock: windows that are over are stated missed; a changed site config is decided by anew."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from services.aftercare.handlers import Round, Rules, decide_again, state_missed
from shared.db import Connection, Database
from shared.run import Timer

log = logging.getLogger(__name__)

Part = Callable[[Rules, Connection, str], Awaitable[Round]]


def timers(database: Database, rules: Rules, every: float = 15.0) -> list[Timer]:
    """`missed` and `site-config`, each every so many seconds; a round goes to its end in bounded transactions."""
    return [
        Timer("missed", every, partial(whole_round, database, rules, state_missed)),
        Timer("site-config", 3600.0, partial(whole_round, database, rules, decide_again)),
    ]


async def whole_round(database: Database, rules: Rules, part: Part) -> None:
    """Part after part, each in a transaction of its own, until no episode is left."""
    after: str | None = ""
    left = 0
    while after is not None:
        async with database.begin() as connection:
            done = await part(rules, connection, after)
        after, left = done.last, left + done.left
    if left:
        log.error("episodes have a facility that site config lacks: put it back", extra={"count": left})
