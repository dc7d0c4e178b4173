"""One running system for all that is told through its doors: the stories, and one discharge's whole way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import quick_folder
from tests.system import System, a_system


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Ends with these tests: a system that only waits takes an eighth of a core from all that follow."""
    with quick_folder(tmp_path_factory.mktemp("journeys")) as place, a_system(place / "data") as running:
        yield running
