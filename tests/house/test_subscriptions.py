"""What each process really reads is what the published language says that it reads."""

from __future__ import annotations

from importlib import import_module

import httpx
import pytest

from shared.events import TOPICS
from shared.run import ServiceProcess
from shared.settings import Settings


def assembled(name: str) -> ServiceProcess:
    """A service that was never started: nothing is where its settings point."""
    settings = Settings(
        database_url="postgresql://nobody:nothing@127.0.0.1:1/none",
        message_keys="k1:" + "A" * 43 + "=",
        kafka="127.0.0.1:1",
    )
    service: ServiceProcess = import_module(f"services.{name}.app").assemble(settings)
    return service


@pytest.mark.parametrize("name", ["intake", "placement", "aftercare"])
async def test_a_service_subscribes_to_the_topics_that_the_published_language_names(name: str) -> None:
    service = assembled(name)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.web), base_url="http://service") as client:
        told = (await client.get("/asyncapi.json")).json()
        live = await client.get("/health/live")
        ready = await client.get("/health/ready")
    await service.database.close()
    assert told["asyncapi"] == "3.0.0"
    reads = {channel["address"] for channel in told["channels"].values()}
    assert reads == {topic.name for topic in TOPICS if name in topic.readers}
    assert (live.status_code, ready.status_code) == (200, 503)
    assert "database" in ready.json()["waiting_for"]


@pytest.mark.parametrize("name", ["intake", "placement", "aftercare"])
async def test_no_consumer_of_a_service_waits_for_another_to_join(name: str) -> None:
    service = assembled(name)
    await service.database.close()
    groups = [each.places.subscriber.group_id for each in service.subscriptions]
    assert len(set(groups)) == len(groups)
