"""Simulated patients played at one system and told again at another one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.cli.conftest import run
from tests.fhir import again
from tests.fhir.standing import standing, unlike
from tests.system import ROOT, System
from tests.waiting import until

STATES = {"finished", "in-progress", "entered-in-error"}
"""How simulated stays stand."""
OF_THE_PLAY = "S7N"
"""How the numbers of its patients begin."""


def live(system: System, folder: Path, patients: int) -> None:
    """What hospitals send of simulated patients is sent to the system."""
    assert run("simulate", "--seed", "7", "--patients", str(patients), "--out", str(folder)).code == 0
    command = [sys.executable, "-m", "tools.cli.main", "send", str(folder), "--data", str(system.data), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert '"AA"' in told.stdout, told.stderr


async def told_again(
    one: System, other: System, files: Path, patients: int, seconds: float
) -> tuple[Counter[str], list[str]]:
    """(How many resources of which type were told, what of the episodes is otherwise at the other system).

    `seconds`: waited for timers, which state what follows from days that are over.
    """
    live(one, files, patients)
    await one.idle(300)
    told = await again.told_by(one, OF_THE_PLAY)
    every = [each["resource"] for entries in told.values() for each in entries]
    assert {each["status"] for each in every if each["resourceType"] == "Encounter"} <= STATES
    assert await again.tell(other, told) == []
    await other.idle(300)
    wrong: list[str] = []

    async def none() -> bool:
        mine = {mrn: stands for mrn, stands in (await standing(one)).items() if mrn.startswith(OF_THE_PLAY)}
        wrong[:] = unlike(mine, await standing(other))
        return not wrong

    with suppress(AssertionError):
        await until(none, seconds, every=1)
    assert await other.broken() == []
    return Counter(each["resourceType"] for each in every), wrong
