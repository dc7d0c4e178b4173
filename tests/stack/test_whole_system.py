"""`stepdown up` with the three real services: all of it gets ready, and all of it ends in order."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tools.stack import SERVICES


@pytest.mark.slow  # every test on a whole system shows the same on its way
def test_up_brings_all_three_services_to_ready_and_ends_with_exit_0(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tools.cli.main", "up", "--data", str(tmp_path), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        for name in SERVICES:
            with urllib.request.urlopen(f"{addresses[name]}/health/ready", timeout=5) as answer:
                assert answer.status == 200
        process.terminate()
        assert process.wait(60) == 0
