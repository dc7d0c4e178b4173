"""`stepdown demo` as a person runs it: everything real, one document, every promise kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_half_a_year_of_patients_is_played_and_every_promise_holds(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tools.cli.main", "demo", "--json", "--data", str(tmp_path / "data")],
        capture_output=True, text=True, cwd=ROOT, timeout=550, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["verify"]["ok"] is True
    assert found["doors"].keys() == {"MLLP", "Kafka"}
    assert {"AE", "AR"} <= {code for codes in found["answers"].values() for code in codes}
    assert found["levels"].keys() >= {"php", "iop", "outpatient"}
    assert found["facts"]["placement"].keys() >= {
        "stepped-down", "stepped-up", "readmitted", "placed", "attended", "absent", "completed", "discontinued",
        "offer-declined", "offer-countered", "offer-expired", "offer-withdrawn", "start-missed",
    }  # fmt: skip
    assert found["facts"]["aftercare"].keys() >= {"aftercare-started", "referral-completed", "contact-attempted"}
    assert found["follow_ups"]["FUH-7"].keys() >= {"kept", "missed", "excluded"}
    assert found["periods"].keys() == {f"service-period-{word}" for word in ("opened", "amended", "closed", "voided")}
    assert not any(found["dead_letters"].values())
