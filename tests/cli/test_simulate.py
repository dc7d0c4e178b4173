"""`stepdown simulate` and `stepdown send` as a person uses them: what is told in files is what episodes come to."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from tests.cli.conftest import RunningSystem, run
from tests.simulator.compared import unlike
from tests.waiting import until
from tools.simulator.simulation import EXPECTED


@pytest.mark.slow
async def test_every_episode_ends_as_expected_when_simulated_files_are_sent(
    system: RunningSystem, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    made = run("simulate", "--seed", "7", "--patients", "25", "--out", str(files), "--json")
    told = [line["ack"] for line in system.stepdown(f"send {files} --json").lines]
    assert len(told) == json.loads(made.out)["messages"]
    assert len([ack for ack in told if ack != "AA"]) == json.loads(made.out)["broken"]
    ready = json.loads((system.data / "ready.json").read_text())
    wrong: list[str] = []

    async def as_expected() -> bool:
        billed = system.stepdown("events tail --topic billing.service-periods --json --until-idle 0.3").lines
        wrong[:] = unlike(files / EXPECTED, ready, [record["value"] for record in billed])
        return not wrong

    with contextlib.suppress(AssertionError):
        await until(as_expected, 60, every=0.5)
    assert wrong == []
