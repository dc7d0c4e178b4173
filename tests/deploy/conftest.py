"""What the tests of the chart and of the compose file share: programs that know these formats."""

from __future__ import annotations

import pytest

from shared.errors import SetUpError
from tests.deploy.programs import found


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> str:
    """helm; without one the tests are skipped and say why."""
    return _had(request, "helm")


@pytest.fixture(scope="session")
def strict(request: pytest.FixtureRequest) -> str:
    """The program of tests/deploy/kinds, likewise."""
    return _had(request, "kinds")


@pytest.fixture(scope="session")
def loader(request: pytest.FixtureRequest) -> str:
    """The program of tests/deploy/compose_file, likewise."""
    return _had(request, "compose_file")


def _had(request: pytest.FixtureRequest, name: str) -> str:
    assert request.config.cache is not None
    try:
        return found(name, request.config.cache.mkdir("deploy"))
    except SetUpError as why:
        pytest.skip(str(why))
