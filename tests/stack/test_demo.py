"""`stepdown demo` as a person runs it: everything real, one document, every promise kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.simulator.stories import STORIES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_story_is_told_and_every_promise_holds(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "demo", "--patients", str(len(STORIES)), "--json",
         "--data", str(tmp_path / "data")],
        capture_output=True, text=True, cwd=ROOT, timeout=110, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["verify"]["ok"] is True
    assert (found["answers"]["A01"]["AE"], found["answers"]["A01"]["AR"]) == (1, 1)
    assert {one["word"] for one in found["ineffective"]} == {"inside-24-hour-stay", "not-open"}
    assert found["facts"]["placement"].keys() >= {"stepped-down", "stepped-up", "readmitted"}
    assert found["follow_ups"]["FUH-7"].keys() == {"due", "kept", "missed", "excluded"}
    assert found["periods"].keys() == {f"service-period-{word}" for word in ("opened", "amended", "closed", "voided")}
    assert not any(found["dead_letters"].values())
