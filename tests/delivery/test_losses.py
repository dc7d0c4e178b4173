"""Every loss is seen by a whole service, on Apache Kafka and on the embedded broker, and then it goes on again."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete

from tests.apache import Apache
from tests.databases import produce
from tests.intake.conftest import Hospital
from tests.intake.losing import Installation, Running, installed_on
from tests.servers import DatabaseServer, running
from tests.waiting import until
from tools.stack import SERVICES, topics
from tools.stack.broker import Broker
from tools.stack.folder import claim, ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def hospital() -> Hospital:
    """A patient nobody told of before; what it says goes by MLLP."""
    return Hospital(None)  # type: ignore[arg-type]


async def admin_of(kafka: str) -> AIOKafkaAdminClient:
    made = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await made.start()
    return made


async def goes_on(installed: Installation, service: Running) -> None:
    """Once database and topics are in line."""
    await installed.brought_in_line()
    await until(service.is_ready, 40)
    assert await installed.losses() == []


@pytest.mark.parametrize("service", SERVICES)
async def test_an_older_database_of_each_service(
    apache_kafka: Apache, postgres: DatabaseServer, tmp_path: Path, service: str
) -> None:
    with apache_kafka.run(tmp_path) as kafka:
        async with installed_on(kafka, postgres, service) as installed:
            async with installed.running() as one:
                await one.sends(2)
            await installed.keep_a_copy()
            async with installed.running() as one:
                await one.sends(3)
            await installed.put_the_copy_back()
            async with installed.running() as one:
                await one.is_held("the database is older than its topics: it does not know 3 records of this service")
                await goes_on(installed, one)
                await one.sends(1)


async def test_a_topic_that_is_deleted_and_not_made_again(
    apache_kafka: Apache, postgres: DatabaseServer, tmp_path: Path, hospital: Hospital
) -> None:
    with apache_kafka.run(tmp_path) as kafka:
        async with installed_on(kafka, postgres) as installed, installed.running() as intake:
            assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
            await intake.all_sent()
            admin = await admin_of(kafka)
            await admin.delete_topics(["care.events"])
            await intake.is_held("no such topic any more, and records were written to it (care.events)")
            assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
            await topics.apply(installed.settings)
            await until(lambda: "was made anew" in (intake.service.database.held or ""))
            await goes_on(installed, intake)
            await admin.close()


async def test_a_topic_with_more_partitions(
    apache_kafka: Apache, postgres: DatabaseServer, tmp_path: Path, hospital: Hospital
) -> None:
    with apache_kafka.run(tmp_path) as kafka:
        async with installed_on(kafka, postgres) as installed, installed.running() as intake:
            assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
            await intake.all_sent()
            admin = await admin_of(kafka)
            await admin.create_partitions({"care.events": NewPartitions(total_count=3)})
            await intake.is_held("another number of partitions than it had (care.events)")
            await goes_on(installed, intake)
            await admin.close()


async def test_another_cluster_an_empty_one(
    apache_kafka: Apache, postgres: DatabaseServer, tmp_path: Path, hospital: Hospital
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with apache_kafka.run(tmp_path / "one") as kafka, apache_kafka.run(tmp_path / "two") as other:
        async with installed_on(kafka, postgres) as installed:
            async with installed.running() as intake:
                assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
                await intake.all_sent()
            moved = installed.on(other)
            await topics.apply(moved.settings)
            async with moved.running() as intake:
                await intake.is_held("this is another Kafka cluster than the one that was written to")
                await goes_on(moved, intake)


async def test_a_database_older_than_what_is_kept_of_a_topic(
    apache_kafka: Apache, postgres: DatabaseServer, tmp_path: Path, hospital: Hospital
) -> None:
    """By weeks: what its consumer has to read again is gone by the topic's retention."""
    with apache_kafka.run(tmp_path) as kafka:
        async with installed_on(kafka, postgres) as installed:
            async with installed.running() as intake:
                await until(intake.is_ready, 40)
            await installed.keep_a_copy()
            async with installed.running() as intake:
                raw = hospital.message("A01", "20260310090000")
                headers = [("content-type", b"x-application/hl7-v2+er7")]
                await produce(kafka, "hospital.adt", [(b"GOODHEALTH|M", raw, headers)])
                await until(lambda: intake.has_received(1), 40)
                await intake.all_sent()
            admin = await admin_of(kafka)
            every = {TopicPartition("hospital.adt", number): RecordsToDelete(-1) for number in (0, 1)}
            await admin.delete_records(every)
            await admin.close()
            await installed.put_the_copy_back()
            async with installed.running() as intake:
                await intake.is_held("the database is older than its topics")
                await intake.is_held("1 record gone before being read (hospital.adt, by intake.hospital.adt)")


async def test_an_older_snapshot_of_the_embedded_broker(
    postgres: DatabaseServer, tmp_path: Path, hospital: Hospital
) -> None:
    broker, kept = Broker(claim(tmp_path), ports({"broker": 0})["broker"]), tmp_path / "kept"
    async with AsyncExitStack() as stack:
        with running(broker.command(), broker.is_ready):
            installed = await stack.enter_async_context(installed_on(broker.bootstrap, postgres))
            async with installed.running() as intake:
                assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
                await intake.all_sent()
        shutil.copytree(broker.place, kept)
        await broker.prepare()
        with running(broker.command(), broker.is_ready):
            async with installed.running() as intake:
                assert await intake.told(hospital, "A03", "20260312100000") == b"AA"
                await intake.all_sent()
        shutil.rmtree(broker.place)
        shutil.copytree(kept, broker.place)
        await broker.prepare()
        with running(broker.command(), broker.is_ready):
            async with installed.running() as intake:
                await intake.is_held("ends before the last record that was written to it (care.events")
                await goes_on(installed, intake)
