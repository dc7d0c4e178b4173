"""Fixtures that every test may use: a real PostgreSQL and a real broker, started when first asked for.

With pytest-xdist each worker has its own, so that no test sees another's topics.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import apache
from tests.servers import DatabaseServer, a_broker, a_database_server

# A loaded machine is no reason to fail: how long an example takes says nothing about what it shows.
settings.register_profile("stepdown", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stepdown")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A PostgreSQL server; `postgres.url` is its administrator's URL."""
    with a_database_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka-protocol broker: its bootstrap servers."""
    with a_broker(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the files whose tests use a whole system: at the end of a run nothing would be left to do while they wait.

    A file stays in one piece; xdist would take those with the most tests first, were it not told otherwise (Makefile).
    """
    long = {item.path for item in items if "system" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in long)


RAN_ON = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def apache_kafka(request: pytest.FixtureRequest) -> apache.Apache:
    """How Apache Kafka is run here, for slow tests; without one they are skipped, and the end of the run says why."""
    cache = request.config.cache
    assert cache is not None
    found = apache.found(cache.mkdir("apache-kafka"))
    request.config.stash[RAN_ON] = found if isinstance(found, str) else found.told
    if isinstance(found, str):
        pytest.skip(found)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which broker the slow tests ran on."""
    if told := config.stash.get(RAN_ON, None):
        terminalreporter.write_line(f"slow delivery tests: {told}")
