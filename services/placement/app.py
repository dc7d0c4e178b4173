"""Placement assembled: database, broker, consumer, relay, timers and web, in one process; nothing else happens here."""

from __future__ import annotations

import uuid

from services.placement import consumer, timers
from services.placement.desk import api
from services.placement.rules import rules_of
from shared import logs, site_config
from shared.auth import tokens_of
from shared.broker import broker_for
from shared.clock import Clock, system_clock
from shared.db import Database
from shared.outbox import Relay
from shared.run import Service, serve
from shared.settings import Settings
from shared.web import web_app

NAME = "placement"


def new_id() -> str:
    """A ce_id."""
    return str(uuid.uuid4())


def assemble(settings: Settings, *, clock: Clock = system_clock) -> Service:
    """The service's parts, nothing started. Raises SetUpError for what the operator has to mend."""
    rules = rules_of(site_config.load(settings.config))
    database = Database(settings.database(), pool=settings.database_pool, application=f"stepdown-{NAME}")
    broker = broker_for(settings, NAME)
    subscription = consumer.subscription(broker, database, rules, clock=clock, ids=new_id)

    async def ready() -> dict[str, str]:
        return await service.ready()

    service = Service(
        name=NAME,
        database=database,
        broker=broker,
        relay=Relay(database, NAME, settings.kafka_client()),
        web=web_app(title=NAME, tokens=tokens_of(settings), ready=ready, routes=api.routes(database, clock)),
        http=(settings.http_host, settings.http_port),
        subscriptions=(subscription,),
        timers=timers.timers(database, rules, clock=clock, ids=new_id),
    )
    return service


def main(settings: Settings) -> None:
    """Run placement until it is told to stop."""
    import uvloop  # noqa: PLC0415  # not on every platform

    logs.set_up(NAME, settings.log_level)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    await serve(assemble(settings), parent_pipe=settings.parent_pipe)
