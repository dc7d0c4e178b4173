"""Aftercare put together: consumer, timers, API, relay; knows every part and decides nothing."""

from __future__ import annotations

import uvloop

from services.aftercare.consumer import subscription
from services.aftercare.handlers import Rules
from services.aftercare.timers import timers
from services.aftercare.web.follow_ups import routes
from shared import logs, site_config
from shared.auth import tokens_of
from shared.broker import broker_for
from shared.clock import Clock, system_clock
from shared.db import Database
from shared.outbox import Relay
from shared.run import Service, serve
from shared.settings import Settings
from shared.web import web_app

NAME = "aftercare"


def assemble(settings: Settings, *, clock: Clock = system_clock) -> Service:
    """The service, not yet started. Raises SetUpError where the operator has something to do."""
    rules = Rules(site_config.load(settings.config), clock)
    database = Database(settings.database(), pool=settings.database_pool, application=NAME)
    broker = broker_for(settings, NAME)

    async def ready() -> dict[str, str]:
        return await service.ready()

    service = Service(
        name=NAME,
        database=database,
        broker=broker,
        relay=Relay(database, NAME, settings.kafka_client()),
        web=web_app(title=NAME, tokens=tokens_of(settings), ready=ready, routes=routes(database, clock)),
        http=(settings.http_host, settings.http_port),
        subscriptions=(subscription(broker, database, rules),),
        timers=timers(database, rules),
    )
    return service


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, or until the parent is gone."""
    logs.set_up(NAME, settings.log_level)
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    await serve(assemble(settings), parent_pipe=settings.parent_pipe)
