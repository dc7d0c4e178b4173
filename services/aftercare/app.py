"""Aftercare put together: consumer, timers, API, relay; knows every part and decides nothing."""

from __future__ import annotations

from services.aftercare.consumer import subscription
from services.aftercare.handlers import Rules
from services.aftercare.timers import timers
from services.aftercare.web import api, desk
from shared.broker import broker_for
from shared.clock import Clock, system_clock
from shared.db import Database
from shared.run import Service, run
from shared.settings import Settings
from shared.site_of_service import of_service

NAME = "aftercare"


def assemble(settings: Settings, *, clock: Clock = system_clock) -> Service:
    """The service, not yet started. Raises SetUpError where the operator has something to do."""
    rules = Rules(of_service(settings), clock)
    database = Database(settings.database(), pool=settings.database_pool, application=NAME)
    broker = broker_for(settings, NAME)
    frame = desk.pages(settings.intake_url)

    return Service(
        name=NAME,
        database=database,
        broker=broker,
        routes=[*api.routes(database, rules), *desk.routes(database, rules, frame)],
        page=frame.wrong,
        settings=settings,
        parked_alarm_seconds=rules.site.limits.parked_alarm_seconds,
        subscriptions=(subscription(broker, database, rules),),
        timers=timers(database, rules),
    )


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, or until the parent is gone."""
    run(NAME, assemble, settings)
