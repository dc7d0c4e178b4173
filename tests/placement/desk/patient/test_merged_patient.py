"""The page of a patient whose record was merged into another's: it leads there, and both stories say so in words."""

from __future__ import annotations

import pytest

from tests.browsing import Browser
from tests.builders import merged
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.patient.test_patient_page import story_of
from tests.placement.desk.test_merges import IN, OUT, bring
from tests.placement.merging import Intake

RETIRED, SURVIVOR = "/patients/patient-of-R", "/patients/patient-of-S?episode=S"


@pytest.fixture
async def browser(nobody: Browser, desk: Desk) -> Browser:
    """A coordinator's, after R was merged into S by a person of the hospital."""
    intake = Intake()
    await bring(desk, *intake.stays("R", IN, OUT), *intake.merges("R", "S", by="person"))
    await nobody.enter(token("coordinator"))
    return nobody


@pytest.mark.parametrize("address", [RETIRED, "/episodes/R"])
async def test_the_retired_patient_s_page_leads_to_the_survivor_s(browser: Browser, address: str) -> None:
    shown = await browser.open(address)
    assert shown.address == SURVIVOR
    assert any("discharged" in line and "brought here with a record" in line for line in story_of(shown))


async def test_the_retired_record_says_into_whose_it_went_and_who_said_so(browser: Browser) -> None:
    told = story_of(await browser.open(RETIRED, episode="R"))
    merge = next(line for line in told if "said by a person" in line)
    assert "the record was merged into another patient" in merge
    assert "said by a person of Good Health Hospital" in merge


async def test_a_patient_is_counted_once_in_every_list(browser: Browser, desk: Desk) -> None:
    for name in ("searches", "placements", "conflicts"):
        assert {one["episode_id"] for one in await desk.listed(name)} <= {"S"}
    assert [one["episode_id"] for one in await desk.listed("searches")] == ["S"]


async def test_a_retired_patient_whose_episode_stays_leads_to_who_has_it_now(nobody: Browser, desk: Desk) -> None:
    intake = Intake()
    kept = merged("R", episode="R", patient_id="patient-of-R", survivor="patient-9")
    await bring(desk, *intake.stays("R", IN, OUT), *intake.says(kept))
    await nobody.enter(token("coordinator"))
    assert (await nobody.open(RETIRED)).address == "/patients/patient-9?episode=R"
    await bring(desk, *intake.takes_back(*[one for one in intake.standing("R") if one.name == "patients-merged"]))
    assert (await nobody.open(RETIRED)).address == RETIRED
