"""Intake's figures for metrics: pairs of patients who may be one person and wait for a decision, and silent feeds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.intake.console import views
from services.intake.console.silence import ages
from services.intake.people import matches
from services.intake.receiving.receive import Intake
from shared import metrics
from shared.storage.database import Connection


def of(intake: Intake) -> Callable[[Connection], Awaitable[None]]:
    """What sets them all."""

    async def tell_all(connection: Connection) -> None:
        await tell(connection)
        await tell_silence(connection, intake)

    return tell_all


async def tell(connection: Connection) -> None:
    """Set the gauge of matches."""
    metrics.MATCHES_OPEN.set(await matches.number_open(connection))


async def tell_silence(connection: Connection, intake: Intake) -> None:
    """Set the gauges of each facility that has sent."""
    now = intake.clock()
    for each in ages(intake.site, await views.last_by_facility(connection)):
        metrics.FEED_SILENT.labels(each.facility).set(each.silent(now))
        metrics.FEED_AGE.labels(each.facility).set(each.since(now).total_seconds())
