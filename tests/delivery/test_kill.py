"""Whatever is killed under load comes back, and what was acknowledged is there once (contract 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.delivery.killing import under_load
from tests.system import System, a_system
from tools.stack import SERVICES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with a_system(tmp_path_factory.mktemp("kill")) as running:
        yield running


async def test_each_service_is_killed_under_load_and_nothing_acknowledged_is_lost(system: System) -> None:
    await under_load(system, 200, [f" run {name}" for name in SERVICES], 0.4)


async def test_the_database_is_killed_under_load_and_nothing_acknowledged_is_lost(system: System) -> None:
    await under_load(system, 150, ["postgres"], 0.3)
