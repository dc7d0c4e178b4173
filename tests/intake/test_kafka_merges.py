"""Merges by way of Kafka: the copies on care.events name their originals, and an unmerge takes them back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from services.intake.receiving.receive import Intake
from shared.facts.envelope import Fact, from_record
from shared.run import ServiceProcess
from tests.databases import everything, produce
from tests.intake.records import Ward, broken_of
from tests.intake.running import a_service
from tests.servers import DatabaseServer, a_broker
from tests.waiting import until


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics have their real names."""
    with a_broker(tmp_path_factory.mktemp("merges")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
async def service(broker: str, postgres: DatabaseServer) -> AsyncIterator[ServiceProcess]:
    async with a_service(broker, postgres) as running:
        yield running


async def events(broker: str) -> list[Fact]:
    """What is on care.events."""
    return [from_record(record.value, record.headers) for record in await everything(broker, "care.events")]


async def until_told(broker: str, name: str, number: int) -> list[Fact]:
    """What is on care.events once there are so many facts of a name."""

    async def found() -> list[Fact]:
        every = await events(broker)
        return every if sum(fact.name == name for fact in every) >= number else []

    told: list[Fact] = await until(found)
    return told


async def test_copies_name_their_originals_on_the_topic_and_an_unmerge_takes_them_back(
    broker: str, service: ServiceProcess, intake: Intake
) -> None:
    own = Intake(service.database, intake.site, intake.seal, intake.clock)
    ward = Ward(own)
    story = [
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        ward.says("A40", "20260306090000", "A", retired="B"),
    ]
    head = [("content-type", b"x-application/hl7-v2+er7")]
    await produce(broker, "hospital.adt", [(f"GOODHEALTH|{ward.own}".encode(), raw, head) for raw in story])
    told = await until_told(broker, "patients-merged", 2)
    facts = {fact.id: fact for fact in told}
    [copy] = [fact for fact in told if fact.copy_of]
    original = facts[copy.copy_of or ""]
    assert (
        (copy.name, copy.value.occurred_at)
        == (original.name, original.value.occurred_at)
        == ("admitted", copy.value.occurred_at)
    )
    assert copy.subject != original.subject
    parted = ward.says("A37", "20260307090000", "A", other="B")
    await produce(broker, "hospital.adt", [(f"GOODHEALTH|{ward.own}".encode(), parted, head)])
    after = await until_told(broker, "patients-unmerged", 2)
    assert {fact.as_json["cancels"] for fact in after if fact.name == "fact-cancelled"} == {
        fact.id for fact in told if fact.copy_of or fact.name == "patients-merged"
    }
    for episode in {fact.subject for fact in after}:
        mine = sorted(fact.sequence for fact in after if fact.subject == episode)
        assert mine == list(range(1, len(mine) + 1))
    assert await broken_of(own) == []
