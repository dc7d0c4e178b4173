"""How long it takes from `stepdown up` to the ready file, and how long `stepdown --help` takes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.asked import Asked
from bench.report import Report, at_most, row
from bench.stage import EMBEDDED, PROGRAM
from shared.errors import StepdownError

BROKERS = ("embedded",)
LIMITS = "initdb, three databases with their roles and schemas, and three Python processes that import their libraries."
TRIED = (
    "Services start beside initdb, the databases are made at once, models are built when used, and no consumer "
    "waits for another to join: 0.63 of the time before, 0.5 on data that is there. `up` looks whether anything was "
    "lost without importing the services, and not on an empty directory: its own CPU 1.8 s → 1.4, and 1.6 → 1.2 on its "
    "data. Not done: one process that imports once and forks the services, a data directory made beforehand "
    "(decision 0143)."
)


async def measure(asked: Asked, report: Report) -> None:
    """Both, so many times; each `up` on an empty directory of its own."""
    report.broker = EMBEDDED
    anew, again, helped = [], [], []
    for _ in range(asked.runs):
        with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as place:
            anew.append(await asyncio.to_thread(_up, Path(place) / "data"))
            again.append(await asyncio.to_thread(_up, Path(place) / "data"))
        helped.append(1000 * await asyncio.to_thread(_help))
    report.rows += [
        row("`stepdown up` to the ready file, the first time", "s", anew),
        row("the same again on its data", "s", again),
        row("`stepdown --help`", "ms", helped),
    ]
    report.goals += [
        at_most("`up` the first time: ≤ 4 s", report.rows[0].value, 4),
        at_most("`up` on its data: ≤ 3 s", report.rows[1].value, 3),
        at_most("`--help`: ≤ 150 ms", report.rows[2].value, 150),
    ]


def _up(data: Path) -> float:
    """Seconds until the ready file is there; then it is asked to end."""
    began = time.perf_counter()
    with subprocess.Popen([*PROGRAM, "up", "--data", str(data), "--json"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        took = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        if process.wait(60) or not told:
            raise StepdownError("`stepdown up` did not get ready, or did not end well")
    return took


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([*PROGRAM, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
