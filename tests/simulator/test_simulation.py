"""Simulated half-years: the same bytes for the same seed, refused only where broken, played as expected.json says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from services.intake.hl7.mapping import SiteRules
from services.intake.receiving.dry_run import check
from shared.clock import system_clock
from shared.errors import SetUpError
from shared.events.levels import RANK
from shared.site import config
from tests.cli.conftest import run
from tests.simulator.compared import unlike
from tests.system import ROOT, System, a_system
from tests.waiting import until
from tools.simulator import chances
from tools.simulator.chances import Hospitals, Journeys
from tools.simulator.simulation import EXPECTED, Simulated, simulated, write

NEW_YORK = ZoneInfo("America/New_York")
RULES = SiteRules(config.load(config.SAMPLE))


def some(number: int = 80, seed: int = 7) -> list[Simulated]:
    return simulated(seed, number, NEW_YORK)


def every_file(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_the_same_seed_gives_byte_identical_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run("simulate", "--seed", "7", "--patients", "40", "--out", str(tmp_path / name)).code == 0
    assert every_file(tmp_path / "one") == every_file(tmp_path / "two") != {}


def test_another_seed_gives_others(tmp_path: Path) -> None:
    write(some(10), tmp_path)
    before = every_file(tmp_path)
    write(some(10, seed=8), tmp_path)
    after = every_file(tmp_path)
    assert before[EXPECTED] != after[EXPECTED]
    assert not set(before.values()) & set(after.values())


def test_the_first_patients_are_the_same_however_many_there_are() -> None:
    assert some(5) == some(9)[:5]


def test_patients_and_hospitals_are_as_different_as_the_files_say() -> None:
    people = some(300)
    assert {one.life.hospital.feed for one in people} == {
        "goodhealth-main", "goodhealth-south", "regional-exchange", "goodhealth-clinic",
    }  # fmt: skip
    assert {one.life.oddity for one in people} == {None, "unknown-unit", "discharge-alone", "admission-cancelled"}
    assert {mishap.kind for one in people for stay in one.life.stays for mishap in stay.mishaps} == {
        "registration", "transfer", "discharge", "discharge-time",
    }  # fmt: skip
    ends = {(episode["state"], episode.get("level")) for one in people for episode in one.expected}
    assert ends >= {("between", None), ("void", None), ("closed", None), *(("active", level) for level in RANK)}


def test_only_what_is_broken_on_purpose_is_refused() -> None:
    acks: Counter[tuple[str, bool]] = Counter()
    for one in some(150):
        for sent in one.sent:
            (line,) = check("sent", sent.message.raw, RULES, system_clock())
            acks[line.ack, sent.broken] += 1
            assert sent.broken or not [text for text in line.warnings if "MSH-2" not in text]
    assert {good for (ack, good) in acks if ack == "AA"} == {False}
    assert acks["AE", True] > 0
    assert acks["AR", True] > 0
    assert acks["AE", False] + acks["AR", False] == 0


def test_no_simulated_message_lies_after_the_half_year_but_for_what_comes_late() -> None:
    end = date(2025, 6, 30)
    assert all(stay.began.date() <= end for one in some(300) for stay in one.life.stays)
    assert all((stay.ended or stay.began).date() <= end for one in some(300) for stay in one.life.stays)


@pytest.mark.parametrize(
    ("model", "name", "path", "wrong", "said"),
    [
        (Journeys, "journeys.yml", "crisis-meanwhile", 1.5, "crisis-meanwhile: Input should be less than"),
        (Journeys, "journeys.yml", "begin", {}, "begin: Extra inputs"),
        (Journeys, "journeys.yml", "days-between", [9, 3], "the fewest and the most"),
        (Hospitals, "hospitals.yml", "hospitals", [], "hospitals: Tuple should have at least 1"),
    ],
)
def test_a_file_of_the_simulator_that_says_what_cannot_be_is_refused(
    model: type[Journeys | Hospitals], name: str, path: str, wrong: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = yaml.safe_load((Path(chances.__file__).parent / name).read_text())
    monkeypatch.setattr(yaml, "safe_load", lambda _: {**good, path: wrong})
    with pytest.raises(SetUpError, match=f"{name}: .*{said}"):
        chances.read(model, name)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_episode_of_500_patients_ends_as_expected_when_the_files_are_sent(tmp_path: Path) -> None:
    files = tmp_path / "files"
    assert run("simulate", "--seed", "7", "--patients", "500", "--out", str(files)).code == 0
    with a_system(tmp_path / "data") as system:
        told = subprocess.run(
            [sys.executable, "-m", "tools.cli.main", "send", str(files), "--data", str(system.data), "--json"],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        acks = Counter(json.loads(line)["ack"] for line in told.stdout.splitlines())
        assert acks.keys() <= {"AA", "AE", "AR"}, told.stderr
        asyncio.run(system.idle(300))
        assert asyncio.run(_wrong(files / EXPECTED, system)) == []


async def _wrong(expected: Path, system: System) -> list[str]:
    """Who ended otherwise; what a timer states of days that are over comes a round later than the last message."""
    wrong: list[str] = []

    async def none() -> bool:
        billed = [fact.as_json for fact in await system.facts("billing.service-periods")]
        wrong[:] = await asyncio.to_thread(unlike, expected, system.ready, billed)
        return not wrong

    with suppress(AssertionError):
        await until(none, 60, every=1)
    return wrong
