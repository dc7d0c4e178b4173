"""Intake's figures for metrics: pairs of patients who may be one person and wait for a decision, visit numbers that
two patients have, silent feeds, and hanging visits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.intake.console import hanging, views
from services.intake.console.silence import ages
from services.intake.people import matches
from services.intake.receiving import number_decisions
from services.intake.receiving.receive import Intake
from shared import metrics
from shared.storage.database import Connection


def of(intake: Intake) -> Callable[[Connection], Awaitable[None]]:
    """What sets them all."""

    async def tell_all(connection: Connection) -> None:
        await tell(connection)
        await tell_silence(connection, intake)
        await tell_hanging(connection, intake)

    return tell_all


async def tell(connection: Connection) -> None:
    """Set the gauges of matches and of visit numbers, the latter by the facilities that have or had any."""
    metrics.MATCHES_OPEN.set(await matches.number_open(connection))
    metrics.NUMBERS_SHARED.clear()
    for facility, number in (await number_decisions.number_open(connection)).items():
        metrics.NUMBERS_SHARED.labels(facility).set(number)


async def tell_silence(connection: Connection, intake: Intake) -> None:
    """Set the gauges of each facility that has sent."""
    now = intake.clock()
    for each in ages(intake.site, await views.last_by_facility(connection)):
        metrics.FEED_SILENT.labels(each.facility).set(each.silent(now))
        metrics.FEED_AGE.labels(each.facility).set(each.since(now).total_seconds())


async def tell_hanging(connection: Connection, intake: Intake) -> None:
    """Set the gauge of hanging visits of each facility of the site."""
    found = await hanging.by_facility(connection, intake.site, intake.clock())
    for each in intake.site.facilities:
        metrics.VISITS_HANGING.labels(each.name).set(found.get(each.name, 0))
