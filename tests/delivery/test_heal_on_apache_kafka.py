"""On Apache Kafka: topics and databases are lost one after the other, and after `heal` all that is promised holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.settings import load
from tests.apache import Apache
from tests.cli.conftest import run
from tests.delivery.load import Patient, patients
from tests.delivery.promises import kept
from tests.stack.healing import servers, told
from tests.system import System, a_system
from tests.waiting import until
from tools.stack import SERVICES, topics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MANY = 10
REST = 120.0
"""Seconds for all to be at rest: a consumer that begins anew reads its topic from the beginning."""


@dataclass
class Long:
    """A system that goes on from test to test; `people` are all who were told. It has copies of its databases from the
    beginning, under the suffixes `one`, `two`."""

    data: Path
    kafka: str
    people: list[Patient] = field(default_factory=list)
    first: Iterator[int] = field(default_factory=lambda: count(0, MANY))

    async def goes_on(self) -> None:
        """Start it, look whether all is as promised, tell it of more patients, and look again."""
        with a_system(self.data, self.kafka) as system:
            if self.people:
                await self.holds(system)
            await self.more(system)

    async def more(self, system: System) -> None:
        """Tell it of more patients."""
        new = patients(MANY, next(self.first))
        await told(system, new)
        self.people += new
        await self.holds(system)

    async def holds(self, system: System) -> None:
        """All that is promised, with `stepdown verify` as a witness."""
        await kept(system, self.people, REST)
        said = run("verify", "--data", str(self.data), "--settle", str(REST), "--json")
        assert said.code == 0, said.out


@pytest.fixture(scope="module")
async def long(apache_kafka: Apache, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Long]:
    with apache_kafka.run(tmp_path_factory.mktemp("kafka")) as kafka:
        found = Long(tmp_path_factory.mktemp("long") / "data", kafka)
        await found.goes_on()
        with servers(found.data, kafka) as still:
            for suffix in ("one", "two"):
                await still.copy(suffix)
        await found.goes_on()
        yield found


@pytest.mark.parametrize("service", SERVICES)
async def test_one_database_restored_older_adopts_what_the_topics_have(long: Long, service: str) -> None:
    with servers(long.data, long.kafka) as still:
        await still.restore("one", service)
        healed = await still.heal()
        assert healed.done[service]["own facts adopted"] > 0
        print(healed.sentence())
    await long.goes_on()


async def test_all_three_databases_restored_older_adopt_what_the_topics_have(long: Long) -> None:
    with servers(long.data, long.kafka) as still:
        await still.restore("two", *SERVICES)
        healed = await still.heal()
        assert all(healed.done[service]["own facts adopted"] > 0 for service in SERVICES)
        print(healed.sentence())
    await long.goes_on()


@pytest.mark.parametrize("topic", ["care.events", "care.episodes", "billing.service-periods", "billing.periods"])
async def test_a_topic_that_was_deleted_and_made_anew_is_told_again(long: Long, topic: str) -> None:
    with a_system(long.data, long.kafka) as system:
        await long.holds(system)
        admin = AIOKafkaAdminClient(bootstrap_servers=long.kafka)
        await admin.start()
        await admin.delete_topics([topic])
        await until(lambda: "is held" in system.logs(), 30)
        assert await topics.apply(load(kafka=long.kafka)) == [topic]
        await admin.close()
        said = run("heal", "--data", str(long.data))
        assert said.code == 0, said.err
        print(said.out)
        await long.more(system)


async def test_a_cluster_that_was_swapped_for_an_empty_one_is_told_all_there_is(
    long: Long, apache_kafka: Apache, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with apache_kafka.run(tmp_path_factory.mktemp("another")) as kafka:
        with servers(long.data, kafka) as still:
            await topics.apply(still.settings)
            print((await still.heal()).sentence())
        long.kafka = kafka
        await long.goes_on()
