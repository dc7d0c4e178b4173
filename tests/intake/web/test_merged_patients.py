"""A patient who was merged into another: asked for by number, by id and on the page, the one who stays is found."""

from __future__ import annotations

import httpx
import pytest

from services.intake.receiving.receive import Intake
from tests.browsing import Browser
from tests.intake.records import Ward
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]


@pytest.fixture
async def ward(intake: Intake) -> Ward:
    """B is admitted, and merged into A."""
    found = Ward(intake)
    await found.hears(
        found.says("A01", "20260302090000", "B", visit="W"), found.says("A40", "20260303090000", "A", retired="B")
    )
    return found


async def test_the_retired_number_finds_the_patient_who_stays(
    http: httpx.AsyncClient, ward: Ward, asking: Asking
) -> None:
    headers = asking("identity", "GOODHEALTH")
    for name in ("A", "B"):
        answer = (await http.get("/api/patients", params={"q": ward.mrn(name)}, headers=headers)).json()
        assert [one["patient_id"] for one in answer["patients"]] == [await ward.patient("A")]
        assert answer["patients"][0]["merged_from"] == [await ward.patient("B")]


async def test_a_retired_patient_says_into_whom_they_were_merged(
    http: httpx.AsyncClient, ward: Ward, asking: Asking
) -> None:
    retired = await ward.patient("B")
    answer = await http.get(f"/api/patients/{retired}", headers=asking("identity", "GOODHEALTH"))
    assert answer.json()["merged_into"] == await ward.patient("A")
    await ward.hears(ward.says("A37", "20260304090000", "A", other="B"))
    answer = await http.get(f"/api/patients/{retired}", headers=asking("identity", "GOODHEALTH"))
    assert "merged_into" not in answer.json()


async def test_who_does_not_see_the_facility_that_merged_sees_no_merge(
    http: httpx.AsyncClient, ward: Ward, asking: Asking
) -> None:
    answer = await http.get(f"/api/patients/{await ward.patient('B')}", headers=asking("identity", "RIVERBEND"))
    assert answer.status_code == 404


async def test_the_retired_patients_page_leads_to_the_one_who_stays(
    browser: Browser, ward: Ward, asking: Asking
) -> None:
    reader = await signed_in(browser, asking, "identity", "GOODHEALTH")
    for one, other in (("B", "A"), ("A", "B")):
        page = await reader.opens(f"/patients/{await ward.patient(one)}/part")
        assert f"/patients/{await ward.patient(other)}/part" in page.text
