"""One running system for all tests of commands, started with the real command line; commands run in this process."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.site.config import SAMPLE
from tests.servers import quick_folder
from tools.cli import main as command_line

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str) -> Said:
    """A command in a thread of its own, since the test session has an event loop in this one."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), ThreadPoolExecutor(1) as aside:
        code = aside.submit(command_line.run, arguments).result()
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class RunningSystem:
    """`stepdown up` on a data directory; `kafka` are its bootstrap servers."""

    data: Path
    kafka: str

    def stepdown(self, command: str, *more: str) -> Said:
        """A command on this system, as typed."""
        return run(*command.split(), *more, "--data", str(self.data))

    def told(self, visit: str) -> Any:
        """The first record on care.events about a visit."""
        for record in self.stepdown("events tail --json --until-idle 0.3").lines:
            if isinstance(record["value"], dict) and record["value"].get("visit_number") == visit:
                return record
        raise AssertionError("nothing was told of that visit")

    def url(self, service: str) -> str:
        """A service's database."""
        return (self.data / "secrets" / f"{service}.url").read_text()


LEAVING = """
  - name: MEADOW
    title: Meadow Hospital
    zone: America/New_York
    npi: "1000000012"
    billing: {inpatient: {bill_type: 11X}}
    units:
      - {code: M1, level: inpatient}
"""


def another_site(folder: Path) -> Path:
    """The sample site under another name, with a facility more, which leaves in a test: so its version is another
    one."""
    for file in SAMPLE.glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        (folder / file.name).write_text(text.replace("name: goodhealth-network", "name: my-site"), encoding="utf-8")
    with (folder / "facilities.yml").open("a", encoding="utf-8") as facilities:
        facilities.write(LEAVING)
    return folder


@contextmanager
def a_system(data: Path, **environment: str) -> Iterator[RunningSystem]:
    """A system of its own with these variables, and none of ours from the environment of the tests."""
    given = {name: text for name, text in os.environ.items() if not name.startswith("STEPDOWN_")}
    with subprocess.Popen(
        [sys.executable, "-m", "tools.cli.main", "up", "--data", str(data), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=given | environment,
    ) as process:
        try:
            assert process.stdout is not None
            yield RunningSystem(data, json.loads(process.stdout.readline())["kafka"])
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system on a site that the environment of the commands does not name.

    It ends with these tests: one that only waits takes an eighth of a core (timers, polls, lag) from all that follow.
    """
    site = str(another_site(tmp_path_factory.mktemp("site")))
    with quick_folder(tmp_path_factory.mktemp("system")) as data, a_system(data, STEPDOWN_CONFIG=site) as running:
        yield running
