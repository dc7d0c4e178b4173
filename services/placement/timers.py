"""Placement's timers: fold outdated episodes anew, expire offers that nobody answered, offer free seats down waiting
lines, give up placements of who stays longer, state reviews that are due, forget old idempotency keys and marks of the
desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from services.placement.engine import act, apply
from services.placement.engine.waiting_line import offer_free_seats
from services.placement.rules import Rules
from shared import retention
from shared.clock import Clock
from shared.desk_retention import of_a_desk
from shared.run import Timer
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.web import idempotency

KEYS_KEPT = timedelta(days=2)
"""A request sent again later than this is a new one."""
AT_ONCE = 200
"""Episodes in one transaction: consumers of the same episodes wait no longer than that takes."""


def retention_kinds(site: Site, dead_letter_days: int) -> list[retention.RetentionKind]:
    """All that placement keeps for a time, for `stepdown retention`; `dead_letter_days`: STEPDOWN_DEAD_LETTER_DAYS."""
    return [*retention.of_every_service(site.retention, dead_letter_days, KEYS_KEPT), *of_a_desk(site.retention)]


def timers(database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str]) -> tuple[Timer, ...]:
    """The timers, with the seconds between two runs of each."""

    async def fold_anew() -> None:
        await refold(database, rules, clock=clock, ids=ids)

    async def expire() -> None:
        await expire_offers(database, rules, clock=clock, ids=ids)

    async def offer_seats() -> None:
        await offer_free_seats(database, rules, clock=clock, ids=ids)

    async def end_daily_visits() -> None:
        await end_stays_of_visits(database, rules, clock=clock, ids=ids)

    async def give_up_kept() -> None:
        await give_up_placements(database, rules, clock=clock, ids=ids)

    async def tell_reviews() -> None:
        await state_reviews(database, rules, clock=clock, ids=ids)

    async def forget_at_the_desk() -> None:
        await retention.delete_old(database, of_a_desk(rules.site.retention), at=clock(), actor="retention")

    keys_kept = retention.requests_of(rules.site.retention, KEYS_KEPT)
    return (
        Timer("placement-fold-anew", 30.0, fold_anew),
        Timer("placement-offers-expire", 2.0, expire),
        Timer("placement-waiting-lines", 5.0, offer_seats),
        Timer("placement-daily-visits", 30.0, end_daily_visits),
        Timer("placement-kept-too-long", 60.0, give_up_kept),
        Timer("placement-reviews", 5.0, tell_reviews),
        Timer("placement-idempotency-keys", 3600.0, partial(idempotency.forget, database, clock, keys_kept)),
        Timer("placement-desk-retention", 3600.0, forget_at_the_desk),
    )


async def end_stays_of_visits(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """State the end of every stay of daily visits that none followed in time, `at_once` episodes in a transaction;
    returns how many episodes had one."""
    step = partial(
        act.state_due, kind="visits", states=("open",), decision=act.ended_for_want_of_visits, action="stays-ended",
        rules=rules, clock=clock, ids=ids, most=at_once,
    )  # fmt: skip
    return await _until_fewer(at_once, database, step)


async def state_reviews(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """State every review that is due or late by now, `at_once` episodes in a transaction; returns how many episodes had
    one (contract 3.8)."""
    step = partial(
        act.state_due, kind="review", states=("ahead", "due"), decision=act.reviews_due, action="reviews-stated",
        rules=rules, clock=clock, ids=ids, most=at_once,
    )  # fmt: skip
    return await _until_fewer(at_once, database, step)


async def expire_offers(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """State the expiry of every offer whose time is over, `at_once` episodes in a transaction; returns how many
    episodes had one."""
    step = partial(
        act.state_due, kind="offer", states=("sent", "countered"), decision=act.expired_offers, action="offers-expired",
        rules=rules, clock=clock, ids=ids, most=at_once,
    )  # fmt: skip
    return await _until_fewer(at_once, database, step)


async def give_up_placements(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """Cancel every placement that was kept for the site's days for a patient who is still in a 24-hour stay, `at_once`
    episodes in a transaction; returns how many episodes had one."""
    step = partial(
        act.state_due, kind="kept", states=("open",), decision=act.kept_too_long, action="placements-given-up",
        rules=rules, clock=clock, ids=ids, most=at_once,
    )  # fmt: skip
    return await _until_fewer(at_once, database, step)


async def refold(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], at_once: int = AT_ONCE
) -> int:
    """Fold every episode anew that an older fold made or that was published under another site config, `at_once`
    episodes in a transaction; returns how many."""
    step = partial(apply.refold, rules=rules, clock=clock, ids=ids, most=at_once)
    return await _until_fewer(at_once, database, step)


async def _until_fewer(at_once: int, database: Database, step: Callable[[Connection], Awaitable[int]]) -> int:
    """Do this step, each time in a transaction of its own, until it had fewer than `at_once` episodes; returns how many
    it had in all."""
    total = 0
    while True:
        async with database.begin() as connection:
            done = await step(connection)
        total += done
        if done < at_once:
            return total
