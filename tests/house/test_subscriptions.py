"""What each process really reads is what the published language says that it reads, by FastStream's routers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import httpx
import pytest
from faststream import AckPolicy

from shared.events import TOPICS
from shared.run import ServiceProcess
from shared.settings import Settings

SERVICES = ("intake", "placement", "aftercare")
READ = {
    "intake": {
        ("care.episodes", "stepdown-intake-care.episodes", "on_episodes"),
        ("hospital.adt", "stepdown-intake", "on_messages"),
    },
    "placement": {
        ("care.events", "stepdown-placement", "on_facts"),
        ("care.events", "stepdown-placement-gate", "on_facts"),
    },
    "aftercare": {("care.episodes", "stepdown-aftercare", "on_documents")},
}
"""Topic, group, handler. Under another name a group is another one: an old process and a new one would both read."""


def assembled(name: str) -> ServiceProcess:
    """A service that was never started: nothing is where its settings point."""
    settings = Settings(
        database_url="postgresql://nobody:nothing@127.0.0.1:1/none",
        message_keys="k1:" + "A" * 43 + "=",
        kafka="127.0.0.1:1",
    )
    service: ServiceProcess = import_module(f"services.{name}.app").assemble(settings)
    return service


@pytest.mark.parametrize("name", SERVICES)
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
    assert {*told["channels"]} == {each.consumer_name for each in service.subscriptions}
    assert all(channel["description"] for channel in told["channels"].values()), "a handler says what it does"
    assert (live.status_code, ready.status_code) == (200, 503)
    assert "database" in ready.json()["waiting_for"]


@pytest.mark.parametrize("name", SERVICES)
async def test_the_routers_of_a_service_have_these_topics_groups_and_handlers(name: str) -> None:
    service = assembled(name)
    await service.database.close()
    subscribers: list[Any] = list(service.broker.subscribers)
    assert subscribers == [each.places.subscriber for each in service.subscriptions]
    assert {
        (topic, each.group_id, call.name) for each in subscribers for topic in each.topic_names for call in each.calls
    } == READ[name]
    for each in subscribers:
        assert each.ack_policy is AckPolicy.MANUAL, "nothing is committed to Kafka"
        assert each.max_records, "a batch has an end"
    assert list(service.broker.publishers) == [], "what goes out goes through the outbox"


@pytest.mark.parametrize("name", SERVICES)
async def test_no_consumer_of_a_service_waits_for_another_to_join(name: str) -> None:
    service = assembled(name)
    await service.database.close()
    groups = [each.places.subscriber.group_id for each in service.subscriptions]
    assert len(set(groups)) == len(groups)
