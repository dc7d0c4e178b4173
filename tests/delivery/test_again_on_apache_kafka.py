"""What the fast tests show on the embedded broker holds on Apache Kafka: the plumbing, and the whole journeys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.apache import Apache
from tests.system import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PLUMBING = (
    "relay",
    "outbox",
    "record_batches",
    "writer_names",
    "written",
    "guard",
    "subscription",
    "broker",
    "replay",
    "reading",
)
FILES = [
    *(f"tests/plumbing/test_{name}.py" for name in PLUMBING),
    "tests/intake/test_kafka_lost.py",
    *(f"tests/journeys/test_{name}.py" for name in ("journeys", "spine")),
]


@pytest.mark.parametrize("file", FILES)
def test_the_same_holds_on_apache_kafka(file: str, apache_kafka: Apache, tmp_path: Path) -> None:
    with apache_kafka.run(tmp_path) as kafka:
        told = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", file],
            env=os.environ | {"STEPDOWN_KAFKA": kafka}, capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-4000:]
