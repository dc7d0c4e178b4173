"""What the tests of the chart share: helm, and a program that knows Kubernetes' own types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tests.deploy.charted import helm, kinds


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> str:
    """helm; without one the tests are skipped and say why."""
    return _had(request, helm)


@pytest.fixture(scope="session")
def strict(request: pytest.FixtureRequest) -> str:
    """The program of tests/deploy/kinds, likewise."""
    return _had(request, kinds)


def _had(request: pytest.FixtureRequest, find: Callable[[Path], str]) -> str:
    assert request.config.cache is not None
    try:
        return find(request.config.cache.mkdir("kubernetes"))
    except SetUpError as why:
        pytest.skip(str(why))
