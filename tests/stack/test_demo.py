"""`stepdown demo` as a person runs it: everything real, one document, every promise kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
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


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_is_served_is_in_the_middle_of_a_days_work_and_no_list_is_empty(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.cli.main", "demo", "--serve", "--json", "--patients", "60"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path / "data")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as demo:
        assert demo.stdout is not None
        try:
            found = json.loads(demo.stdout.readline())
            assert found["verify"]["ok"] is True
            assert _nobody_in(json.loads((tmp_path / "data" / "ready.json").read_text())) == []
        finally:
            demo.send_signal(signal.SIGINT)
            demo.stdout.read()


OF_HOURS = {"offers-overdue", "handovers-open"}


def _nobody_in(ready: dict[str, Any]) -> list[str]:
    """The lists of both desks that are empty; some fill only after hours of real time."""
    empty = []
    with httpx.Client(headers={"authorization": f"Bearer {ready['tokens']['admin']}"}) as client:
        for service in ("placement", "aftercare"):
            lists = client.get(f"{ready[service]}/api/worklists").json()["worklists"]
            empty += [each["name"] for each in lists if not each["count"] and each["name"] not in OF_HOURS]
        for name, state in _OTHER_LISTS:
            if not client.get(f"{ready['placement']}/api/{name}", params={"state": state}).json()[name]:
                empty.append(f"{name} {state}")
    return empty


_OTHER_LISTS = (
    ("offers", "sent"), ("offers", "countered"), ("placements", "placed"), ("placements", "missed"),
    ("placements", "started"), ("waitlist", "waiting"), ("searches", "closed"),
)  # fmt: skip
