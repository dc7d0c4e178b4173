"""Intake as a whole, for tests that talk to it by Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.intake.app import assemble
from shared.clock import SetClock
from shared.run import ServiceProcess
from tests.intake.conftest import NOW, made_database
from tests.intake.test_app import settings
from tests.servers import DatabaseServer
from tools.stack import topics


@asynccontextmanager
async def a_service(broker: str, postgres: DatabaseServer) -> AsyncIterator[ServiceProcess]:
    """The whole service: consumers, relay and doors, on a database of its own."""
    async with made_database(postgres.url) as database:
        url = database.engine.url.render_as_string(hide_password=False)
        given = settings(url, kafka=broker, kafka_partitions=2)
        await topics.apply(given)
        made = assemble(given, clock=SetClock(NOW))
        await made.start()
        yield made
        await made.stop()
