"""Whatever is killed under load comes back, and what was acknowledged is there once (contract 5)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest

from services.stack import SERVICES
from tests.delivery.load import Answered, deliver_all, feed, patients
from tests.delivery.promises import kept
from tests.system import ROOT, System, a_system
from tests.waiting import until


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with a_system(tmp_path_factory.mktemp("kill")) as running:
        yield running


async def strike(system: System, what: list[str], pause: float, loading: asyncio.Task[Answered]) -> list[str]:
    """Kill these in turn, each after it was there again, while the load runs; those that were struck."""
    struck = []
    for each in what:
        await asyncio.sleep(pause)
        if loading.done():
            break
        await until(partial(system.kill, each))
        struck.append(each)
    return struck


_FIRST = count(0, 10_000)


async def under_load(system: System, number: int, what: list[str], pause: float) -> None:
    people = patients(number, next(_FIRST))
    messages = feed(people)
    began = time.monotonic()
    loading = asyncio.create_task(deliver_all(system, messages))
    struck = await strike(system, what, pause, loading)
    told = await loading
    seconds = time.monotonic() - began
    assert set(told.codes) == {b"AA"}
    assert len(told.codes) == len(messages)
    await kept(system, people)
    print(
        f"{len(messages)} messages in {seconds:.1f} s ({len(messages) / seconds:.0f}/s), "
        f"killed: {len(struck)}, sent again {told.again} times, all at rest after {time.monotonic() - began:.1f} s"
    )
    assert struck == what, "the load was over before the last was killed"


async def test_each_service_is_killed_under_load_and_nothing_acknowledged_is_lost(system: System) -> None:
    await under_load(system, 200, [f" run {name}" for name in SERVICES], 0.4)


@pytest.mark.slow
async def test_services_are_killed_again_and_again_under_a_longer_load(system: System) -> None:
    await under_load(system, 6000, [f" run {name}" for name in SERVICES] * 4, 1.5)


async def test_the_database_is_killed_under_load_and_nothing_acknowledged_is_lost(system: System) -> None:
    await under_load(system, 150, ["postgres"], 0.3)


@pytest.mark.slow
async def test_a_service_that_slept_while_another_took_its_place_does_no_harm_when_it_wakes(system: System) -> None:
    """A zombie consumer and a deposed relay leader, for real: stopped for longer than lease and group session."""
    environment = system.environment("placement") | {"STEPDOWN_HTTP_PORT": "0"}
    first_number = next(_FIRST)
    people = patients(400, first_number)
    messages = feed(people)
    loading = asyncio.create_task(deliver_all(system, messages))
    await asyncio.sleep(0.5)
    first = system.service_pid("placement")
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    second = subprocess.Popen(  # noqa: ASYNC220  # it only starts here
        [sys.executable, "-m", "services.cli.main", "run", "placement"],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await loading
        await system.idle(90)  # the second does all of the work
        os.kill(first, signal.SIGCONT)
        more = patients(100, first_number + 1000)
        await deliver_all(system, feed(more))
        await kept(system, [*people, *more])
    finally:
        second.terminate()
        assert second.wait(40) == 0
