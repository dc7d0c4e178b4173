"""Containers for tests are the ones of docker-compose.yml; where no Docker engine answers there are none."""

from __future__ import annotations

import pytest

from shared.events import TOPICS
from shared.settings import load
from tests import apache, containers
from tests.servers import wants_containers
from tools.stack.databases import connect
from tools.stack.topics import apply

engine = pytest.mark.skipif(not containers.engine_answers(), reason="no Docker engine answers here")


def test_without_an_engine_nobody_asks_for_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_TEST_CONTAINERS", "1")
    assert wants_containers() is containers.engine_answers()
    monkeypatch.delenv("STEPDOWN_TEST_CONTAINERS")
    assert wants_containers() is False


def test_the_broker_of_a_test_is_set_up_as_that_of_the_compose_file() -> None:
    given, ours = containers.composed("kafka")["environment"], containers.kafka_environment("host:1")
    assert set(ours) == set(given)
    assert {name for name, value in given.items() if str(value) != ours[name]} <= {
        "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LOG_DIRS",
    }  # fmt: skip


def test_the_jars_that_stand_in_for_the_container_are_of_the_same_kafka() -> None:
    assert containers.composed("kafka")["image"].split(":")[1].split("@")[0] == apache.VERSION


@engine
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_broker_takes_our_topics() -> None:
    with containers.apache_kafka() as bootstrap:
        assert len(await apply(load(kafka=bootstrap))) == len(TOPICS)


@engine
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_database_is_new_enough() -> None:
    with containers.postgres() as url:
        admin = await connect(url, "the database")
        assert admin.get_server_version() >= (18,)
        await admin.close()
