"""Whatever is sent below /fhir of a running system gets a lawful answer (tests/fhir/fuzzing.py)."""

from __future__ import annotations

import pytest

from tests.fhir.fuzzing import fuzz
from tests.system import System


def test_odd_requests_get_answers_of_fhir(system: System) -> None:
    seen = fuzz(system, 60)
    assert sum(seen.values()) >= 60


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_odd_requests_get_answers_of_fhir(system: System) -> None:
    seen = fuzz(system, 4000)
    assert set(seen) >= {200, 201, 400, 401, 404, 405, 413, 415, 422}
