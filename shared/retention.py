"""Deletes what was kept for so many days and is not kept any longer: in small transactions, counted and audited.

What is deleted is said by a `RetentionKind`; each service has its own, by site config (`retention`). No transaction
waits for a row that another one has locked: such a row goes later.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from shared import metrics
from shared.messaging import dead_letter_desk
from shared.site.limits import Retention
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.storage.tables import answered_requests

log = logging.getLogger(__name__)
AT_ONCE = 500
"""Rows that one transaction deletes at most."""


class Deleted(NamedTuple):
    """How many rows a transaction deleted or emptied, and whether there may be more."""

    number: int
    more: bool


class RetentionKind(NamedTuple):
    """One kind of what is kept for a time.

    `kept`: for how long; None: for ever. `old(connection, before)` says how much is older than that;
    `delete(connection, before)` deletes some of it, at most AT_ONCE rows.
    """

    name: str
    kept: timedelta | None
    old: Callable[[Connection, datetime], Awaitable[int]]
    delete: Callable[[Connection, datetime], Awaitable[Deleted]]


async def due(database: Database, kinds: Sequence[RetentionKind], at: datetime) -> dict[str, int]:
    """Kind → how much of it would be deleted at this time. Writes nothing."""
    found = {}
    for kind in kinds:
        if kind.kept is not None:
            async with database.read() as connection:
                found[kind.name] = await kind.old(connection, at - kind.kept)
    return found


async def delete_old(database: Database, kinds: Sequence[RetentionKind], *, at: datetime, actor: str) -> dict[str, int]:
    """Delete what is older than its time; returns kind → how much was deleted.

    Each transaction writes an audit entry with the kind and the number, where it deleted anything.
    """
    return {kind.name: await _delete(database, kind, at, at - kind.kept, actor) for kind in kinds if kind.kept}


async def _delete(database: Database, kind: RetentionKind, at: datetime, before: datetime, actor: str) -> int:
    total, more = 0, True
    while more:
        async with database.begin() as connection:
            number, more = await kind.delete(connection, before)
            if number:
                entry = audit.Entry(at, actor, "retention", kind.name, f"older than {(at - before).days} days", number)
                await audit.note(connection, [entry])
        total += number
        metrics.RETENTION.labels(kind.name).inc(number)
    return total


# ── the kinds that every service has ──────────────────────────────────────────────────────────────────────────────────

_LETTERS = "dead-letters"
_REQUESTS = "answered-requests"
_OLD = answered_requests.c.at < sa.bindparam("before")
_OLD_REQUESTS = (
    sa.select(answered_requests.c.caller, answered_requests.c.key)
    .where(_OLD)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)
_COUNT_REQUESTS = sa.select(sa.func.count()).select_from(answered_requests).where(_OLD)
_DELETE_REQUESTS = sa.delete(answered_requests).where(
    sa.tuple_(answered_requests.c.caller, answered_requests.c.key).in_(_OLD_REQUESTS)
)


def of_every_service(site: Retention, dead_letter_days: int, requests_kept: timedelta) -> list[RetentionKind]:
    """The kinds that every service has. What the site does not say is kept as the environment and the service say:
    `dead_letter_days` (STEPDOWN_DEAD_LETTER_DAYS) and `requests_kept`."""
    return [
        dead_letters(site.dead_letter_days or dead_letter_days),
        requests_answered(requests_of(site, requests_kept)),
    ]


def requests_of(site: Retention, otherwise: timedelta) -> timedelta:
    """How long the answer to an Idempotency-Key is kept: as the site says, else `otherwise`."""
    return timedelta(days=site.answered_request_days) if site.answered_request_days else otherwise


def dead_letters(days: int) -> RetentionKind:
    """The content of dead letters; their rows stay, since `verify` counts them (decision 0165)."""

    async def count(connection: Connection, _: datetime) -> int:
        return await dead_letter_desk.expiring(connection, days)

    async def delete(connection: Connection, _: datetime) -> Deleted:
        gone, unsettled = await dead_letter_desk.expire(connection, days, AT_ONCE)
        if gone:
            extra = {"count": gone, "unsettled": unsettled}
            log.warning("the content of dead letters is not kept any longer", extra=extra)
        return Deleted(gone, gone == AT_ONCE)

    return RetentionKind(_LETTERS, timedelta(days=days), count, delete)


def requests_answered(kept: timedelta) -> RetentionKind:
    """What Idempotency-Keys were answered: a request that is sent again later is a new one."""

    async def count(connection: Connection, before: datetime) -> int:
        found: int = (await connection.execute(_COUNT_REQUESTS, {"before": before})).scalar_one()
        return found

    async def delete(connection: Connection, before: datetime) -> Deleted:
        number = (await connection.execute(_DELETE_REQUESTS, {"before": before})).rowcount
        return Deleted(number, number == AT_ONCE)

    return RetentionKind(_REQUESTS, kept, count, delete)
