"""Fixtures that every test may use: a real PostgreSQL and a real broker, started when first asked for.

With pytest-xdist each worker has its own, so that no test sees another's topics.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests import apache
from tests.servers import DatabaseServer, a_broker, a_database_server, quick_folder

# A loaded machine is no reason to fail: how long an example takes says nothing about what it shows.
settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))  # thorough: tests/delivery/test_thoroughly.py


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A PostgreSQL server; `postgres.url` is its administrator's URL."""
    with quick_folder(tmp_path_factory.mktemp("postgres")) as place, a_database_server(place) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka-protocol broker: its bootstrap servers."""
    with quick_folder(tmp_path_factory.mktemp("kafka")) as place, a_broker(place) as bootstrap:
        yield bootstrap


WAITING = {
    "tests/cli/": "systems",
    "tests/journeys/": "systems",
    "tests/stack/": "systems",
    "tests/plumbing/": "broker",
    "tests/intake/test_kafka_": "broker",
}
"""Where nodeids of tests begin that mostly wait, and what they wait for: one worker has all that wait for the same."""


def _waits_for(nodeid: str) -> str | None:
    return next((what for start, what in WAITING.items() if nodeid.startswith(start)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the tests that wait: at the end of a run nothing would be left to do meanwhile.

    xdist would take the files with the most tests first, were it not told otherwise (Makefile).
    """
    items.sort(key=lambda item: _waits_for(item.nodeid) is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers `-n auto` starts: two wait most of their time, so one more than there are cores."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays with one worker, and so do all files that wait for the same."""

    class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return _waits_for(nodeid) or super()._split_scope(nodeid)

    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection() -> None:
    """No garbage collection while tests are collected, which leaves next to none: it took a fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected lives to the end: no garbage collection looks at it again, a full one cost 0.25 s."""
    gc.collect()
    gc.freeze()
    gc.enable()


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
