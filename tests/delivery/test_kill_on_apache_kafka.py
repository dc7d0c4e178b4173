"""On Apache Kafka, and for longer: whatever is killed comes back, and what was acknowledged is there once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.apache import Apache
from tests.delivery.killing import FIRST, under_load
from tests.delivery.load import deliver_all, feed, patients
from tests.delivery.promises import kept
from tests.system import ROOT, System, a_system
from tools.stack import SERVICES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REST = 300.0
"""Seconds: a machine that does other things besides is slow, and what is shown here is not how fast it is."""


@pytest.fixture(scope="module")
def system(apache_kafka: Apache, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with (
        apache_kafka.run(tmp_path_factory.mktemp("kafka")) as kafka,
        a_system(tmp_path_factory.mktemp("kill"), kafka) as running,
    ):
        yield running


async def test_services_are_killed_again_and_again_under_a_longer_load(system: System) -> None:
    await under_load(system, 5000, [f" run {name}" for name in SERVICES] * 4, 1.5, REST)


async def test_the_database_is_killed_again_and_again_under_a_longer_load(system: System) -> None:
    await under_load(system, 2500, ["postgres"] * 3, 3, REST)


async def test_a_service_that_slept_while_another_took_its_place_does_no_harm_when_it_wakes(system: System) -> None:
    """A zombie consumer and a deposed relay leader, for real: stopped for longer than lease and group session."""
    environment = system.environment("placement") | {"STEPDOWN_HTTP_PORT": "0"}
    first_number = next(FIRST)
    people = patients(400, first_number)
    messages = feed(people)
    loading = asyncio.create_task(deliver_all(system, messages))
    await asyncio.sleep(0.5)
    first = system.service_pid("placement")
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    second = subprocess.Popen(  # noqa: ASYNC220  # it only starts here
        [sys.executable, "-m", "tools.cli.main", "run", "placement"],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await loading
        await system.idle(REST)  # the second does all of the work
        os.kill(first, signal.SIGCONT)
        more = patients(100, first_number + 1000)
        await deliver_all(system, feed(more))
        await kept(system, [*people, *more], REST)
    finally:
        second.terminate()
        assert second.wait(40) == 0
