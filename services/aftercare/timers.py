"""Aftercare's timers: state windows and waits that are over, decide anew after a change of site config, and forget old
idempotency keys and marks of the desk."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from services.aftercare.engine.apply import Round, Rules, decide_again, state_due
from shared import retention
from shared.desk_retention import of_a_desk
from shared.run import Timer
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.web import idempotency

log = logging.getLogger(__name__)

KEYS_KEPT = timedelta(days=2)
"""A request sent again later than this is a new one."""
Part = Callable[[Rules, Connection, str], Awaitable[Round]]


def retention_kinds(site: Site, dead_letter_days: int) -> list[retention.RetentionKind]:
    """All that aftercare keeps for a time, for `stepdown retention`; `dead_letter_days`: STEPDOWN_DEAD_LETTER_DAYS."""
    return [*retention.of_every_service(site.retention, dead_letter_days, KEYS_KEPT), *of_a_desk(site.retention)]


def timers(database: Database, rules: Rules, every: float = 5.0) -> list[Timer]:
    """`due`, every `every` seconds, and `site-config`, `idempotency-keys` and `desk-retention`, once an hour.

    Each round goes through all episodes in transactions of limited size."""

    async def forget_at_the_desk() -> None:
        await retention.delete_old(database, of_a_desk(rules.site.retention), at=rules.clock(), actor="retention")

    keys_kept = retention.requests_of(rules.site.retention, KEYS_KEPT)
    return [
        Timer("due", every, partial(whole_round, database, rules, state_due)),
        Timer("site-config", 3600.0, partial(whole_round, database, rules, decide_again)),
        Timer("idempotency-keys", 3600.0, partial(idempotency.forget, database, rules.clock, keys_kept)),
        Timer("desk-retention", 3600.0, forget_at_the_desk),
    ]


async def whole_round(database: Database, rules: Rules, part: Part) -> None:
    """Call `part` again and again, each time in a transaction of its own, until no episode is left."""
    after: str | None = ""
    left = 0
    while after is not None:
        async with database.begin() as connection:
            done = await part(rules, connection, after)
        after, left = done.last, left + done.left
    if left:
        log.error("episodes have a facility that site config lacks: put it back", extra={"count": left})
