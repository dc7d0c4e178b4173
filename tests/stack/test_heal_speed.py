"""How long `heal` takes for 10,000 facts, and what it costs; printed (pytest -s), and far from what would be too long.

More with STEPDOWN_HEAL_PATIENTS: one patient makes about four and a half facts.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import AsyncIterator

import pytest

from tests.apache import Apache
from tests.delivery.load import patients
from tests.servers import quick_folder
from tests.stack.healing import Servers, TwoTimes, servers, told, two_times
from tests.system import a_system
from tools.stack import SERVICES, topics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
PATIENTS = int(os.environ.get("STEPDOWN_HEAL_PATIENTS", "2300"))
LONGEST = 10.0
"""Milliseconds a fact."""


@pytest.fixture(scope="module")
async def times(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoTimes]:
    with quick_folder(tmp_path_factory.mktemp("heal")) as place:
        yield await two_times(place / "data", 1, PATIENTS)


@pytest.mark.parametrize(
    "when",
    [
        {"kafka": "empty", "postgres": "late"},
        {"kafka": "late", "postgres": "early"},
        {"kafka": "late", "postgres": "late"},
    ],
    ids=["all is told again", "all is adopted", "all is in line"],
)
async def test_heal_takes_a_few_milliseconds_a_fact(times: TwoTimes, when: dict[str, str]) -> None:
    with servers(times.put_back(**when)) as lost:
        if when["kafka"] == "empty":
            await topics.apply(lost.settings)
        await measured(lost)


async def test_it_takes_no_more_on_apache_kafka(apache_kafka: Apache, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("apache") / "data"
    with apache_kafka.run(tmp_path_factory.mktemp("kafka")) as kafka:
        for number, first, copy in ((1, 0, "early"), (PATIENTS, 1, "late")):
            with a_system(data, kafka) as system:
                await told(system, patients(number, first))
            with servers(data, kafka) as still:
                await still.copy(copy)
        with servers(data, kafka) as older:
            await older.restore("early", *SERVICES)
            await measured(older)
    with apache_kafka.run(tmp_path_factory.mktemp("another")) as kafka, servers(data, kafka) as empty:
        await empty.restore("late", *SERVICES)
        await topics.apply(empty.settings)
        await measured(empty)


async def measured(lost: Servers) -> None:
    """Heal, and print what it did and what it took."""
    began, cpu = time.monotonic(), time.process_time()
    healed = await lost.heal()
    seconds, own = time.monotonic() - began, time.process_time() - cpu
    facts = sum(number for done in healed.done.values() for kind, number in done.items() if "fact" in kind)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{healed.sentence()}\n{facts} facts in {seconds:.1f} s, {own:.1f} s of its CPU, at most {memory} MB")
    assert 1000 * seconds < LONGEST * max(facts, 4 * PATIENTS)
