"""What holds for every story that the fast tests make up holds for twelve times as many."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.system import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FILES = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.glob("tests/**/test_*.py")
    if "from hypothesis import" in path.read_text()
)
COMMAND = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "load", "-p", "no:cacheprovider", "-m", "not slow"]


def test_every_property_holds_for_many_more_stories() -> None:
    thorough = os.environ | {"HYPOTHESIS_PROFILE": "thorough"}
    told = subprocess.run([*COMMAND, *FILES], env=thorough, capture_output=True, text=True, cwd=ROOT, check=False)
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-4000:]
