"""What the tests of the chart share: helm."""

from __future__ import annotations

import pytest

from shared.errors import SetUpError
from tests.deploy.charted import helm


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> str:
    """helm; without one the tests are skipped and say why."""
    assert request.config.cache is not None
    try:
        return helm(request.config.cache.mkdir("helm"))
    except SetUpError as why:
        pytest.skip(str(why))
