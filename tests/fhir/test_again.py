"""What a system tells by FHIR of 200 patients makes the same episodes at an empty system of the same site."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fhir.playing import told_again
from tests.system import a_system


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_two_hundred_patients_are_the_same_at_another_system(tmp_path: Path) -> None:
    with a_system(tmp_path / "one") as one, a_system(tmp_path / "other") as other:
        kinds, wrong = await told_again(one, other, tmp_path / "files", 200, 90)
    assert wrong == []
    assert kinds["Patient"] > 180
    assert kinds["Encounter"] > 400
