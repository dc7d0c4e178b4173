"""What is told by FHIR of a few simulated patients makes the same episodes at an empty system of the same site."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fhir.playing import told_again
from tests.system import System, a_system


@pytest.mark.slow
async def test_a_few_patients_are_the_same_at_another_system(system: System, tmp_path: Path) -> None:
    with a_system(tmp_path / "other") as other:
        kinds, wrong = await told_again(system, other, tmp_path / "files", 8, 0)
    assert [one for one in wrong if ".state: " not in one] == [], "aftercare begins with a timer's next round"
    assert kinds["Patient"] >= 7
    assert min(kinds[each] for each in ("Encounter", "Condition", "Coverage")) > kinds["Patient"]
