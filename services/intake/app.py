"""Intake, assembled: doors, consumer, timers, web, relay; nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.intake import consumer, mllp
from services.intake.handlers import Intake
from services.intake.reading import Answer, Received
from services.intake.reception import Reception
from services.intake.timers import timers
from services.intake.web import routes
from shared import logs, site_config
from shared.auth import DEV_ISSUER, Tokens
from shared.clock import Clock, system_clock
from shared.crypto import Seal
from shared.db import Database
from shared.kafka import broker_for
from shared.outbox import Relay
from shared.run import Door, Service, serve
from shared.settings import Settings
from shared.web import web_app


class Doors:
    """The reception and the doors that hand in there: it opens before them and closes after them."""

    def __init__(self, reception: Reception[Received, Answer], doors: Sequence[Door]) -> None:
        self.reception, self.doors = reception, doors

    async def start(self) -> None:
        """Open the reception, then the doors."""
        await self.reception.start()
        for door in self.doors:
            await door.start()

    async def stop(self) -> None:
        """Close the doors (each answers what it has), then the reception."""
        for door in self.doors:
            await door.stop()
        await self.reception.stop()


def assemble(settings: Settings, *, clock: Clock = system_clock) -> Service:
    """The service's parts from its settings. Raises SetUpError where one is missing."""
    site = site_config.load(settings.config)
    database = Database(_url(settings.database()), pool=settings.database_pool, application="stepdown-intake")
    intake = Intake(database, site, Seal(settings.keys()), clock)
    reception: Reception[Received, Answer] = Reception(intake.receive, size=lambda each: len(each.raw))
    limits = mllp.Limits(frame_bytes=site.limits.message_bytes)
    door = mllp.Door(reception, (settings.mllp_host, settings.mllp_port), clock, limits=limits)
    broker = broker_for(settings, "intake")
    service: Service

    async def ready() -> dict[str, str]:
        return await service.ready()

    service = Service(
        name="intake",
        database=database,
        broker=broker,
        relay=Relay(database, "intake", settings.kafka_client()),
        web=web_app(
            title="intake", tokens=_tokens(settings), ready=ready, routes=routes(reception, clock, site.limits)
        ),
        http=(settings.http_host, settings.http_port),
        subscriptions=[consumer.episodes(broker, database)],
        timers=timers(intake),
        doors=[Doors(reception, [door])],
    )
    return service


def main(settings: Settings) -> None:
    """Run the service until it is told to stop."""
    import uvloop  # noqa: PLC0415  # not on every platform

    logs.set_up("intake", settings.log_level)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    await serve(assemble(settings), parent_pipe=settings.parent_pipe)


def _url(given: str) -> str:
    return sa.make_url(given).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _tokens(settings: Settings) -> Tokens | None:
    if settings.token_secret is None:
        return None
    return Tokens(settings.token_secret.get_secret_value(), settings.token_issuer or DEV_ISSUER, ("HS256",))
