"""Puts aftercare's parts (consumer, timers, API, outbox relay) together into one process; no rule of its own."""

from __future__ import annotations

from services.aftercare.desk import api, live, page
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.consumer import subscription
from services.aftercare.timers import timers
from shared.clock import Clock, system_clock
from shared.messaging.broker import broker_for
from shared.run import ServiceProcess, run
from shared.settings import Settings
from shared.site.of_service import of_service
from shared.storage.database import Database
from shared.web.asked_sessions import asked_sessions

NAME = "aftercare"


def assemble(settings: Settings, *, clock: Clock = system_clock) -> ServiceProcess:
    """Build the service without starting it. Raises SetUpError where the operator has to set something right."""
    rules = Rules(of_service(settings), clock)
    database = Database(settings.database(), pool=settings.database_pool, application=NAME)
    broker = broker_for(settings, NAME)
    frame = page.pages()
    episodes = subscription(database, rules)
    broker.include_router(episodes.router)
    return ServiceProcess(
        name=NAME,
        database=database,
        broker=broker,
        routes=[*api.routes(database, rules), *page.routes(database, rules, frame)],
        pages=frame,
        live_pages=live.live_pages(database),
        sessions=asked_sessions(settings),
        settings=settings,
        parked_alarm_seconds=rules.site.limits.parked_alarm_seconds,
        facilities=rules.site.facility_names,
        dead_letter_days=rules.site.retention.dead_letter_days,
        subscriptions=(episodes,),
        timers=timers(database, rules),
        site_version=rules.site.version,
    )


def main(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT or the end of the parent process."""
    run(NAME, assemble, settings)
