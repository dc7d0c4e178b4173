"""Needs that another system told and the site's vocabulary does not have: on no topic, read and decided by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from services.intake.receiving.receive import Intake
from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.records import Ward
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in
from tests.intake.web.test_requests import ODD, assessment, posted, referral

__all__ = ["browser"]
RAMP = f"a ramp for {ODD}"
HERE = ("coordinator", "GOODHEALTH")


async def refers(http: httpx.AsyncClient, asking: Asking, hospital: Hospital, *needs: str) -> dict[str, Any]:
    """The answer to a referral by a hospital's system with these needs."""
    told: dict[str, Any] = await posted(http, "/referrals", referral(hospital, needs=list(needs)), asking("hospital"))
    return told


async def listed(http: httpx.AsyncClient, asking: Asking, patient_id: str, state: str = "open") -> list[dict[str, Any]]:
    """What is listed of a patient in this state, by what was told."""
    answer = await http.get("/api/unknown-needs", params={"state": state, "limit": 200}, headers=asking(*HERE))
    assert answer.status_code == 200, answer.text
    mine = [one for one in answer.json()["unknown_needs"] if one["patient_id"] == patient_id]
    return sorted(mine, key=lambda one: str(one["told"]))


async def says(http: httpx.AsyncClient, asking: Asking, need_id: str, act: str, **body: str) -> httpx.Response:
    return await http.post(f"/api/unknown-needs/{need_id}/{act}", json=body, headers=asking(*HERE))


async def needs_told(hospital: Hospital, patient_id: str) -> list[list[str] | None]:
    """The needs of each statement about a patient, in the order of the outbox."""
    return [fact.as_json.get("needs") for fact in await hospital.facts_about(patient_id)]


async def test_what_the_site_does_not_have_goes_on_as_unknown_and_is_listed_with_what_was_told(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await refers(http, asking, hospital, "transport", RAMP, "risk:odd", "language:es", "payer:Acme Health Plan")
    assert told["unknown_needs"] == [1, 2]
    [fact] = await hospital.facts_about(told["patient_id"])
    assert fact.as_json["needs"] == ["transport", "unknown", "unknown", "language:es", "payer:ACME"]
    assert ODD.encode() not in fact.body
    found = await listed(http, asking, told["patient_id"])
    assert [(one["told"], one["state"], one["facility"]) for one in found] == [
        (RAMP, "open", "GOODHEALTH"), ("risk:odd", "open", "GOODHEALTH"),
    ]  # fmt: skip
    other = await http.get("/api/unknown-needs", headers=asking("coordinator", "RIVERBEND"))
    assert told["patient_id"] not in other.text
    assert (await http.get("/api/unknown-needs", headers=asking("hospital"))).status_code == 403


async def test_it_is_mapped_to_a_need_of_the_site_and_the_referral_is_stated_anew(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await refers(http, asking, hospital, RAMP, "transport")
    [one] = await listed(http, asking, told["patient_id"])
    answer = await says(http, asking, one["need_id"], "mapped", need="mobility")
    assert (answer.status_code, answer.json()["state"], answer.json()["need"]) == (200, "mapped", "mobility")
    first, anew = await hospital.facts_about(told["patient_id"])
    assert (anew.name, anew.as_json["replaces"], anew.as_json["needs"]) == (
        "referred", first.id, ["mobility", "transport"],
    )  # fmt: skip
    assert (anew.value.occurred_at, anew.value.facility) == (first.value.occurred_at, first.value.facility)
    assert await listed(http, asking, told["patient_id"]) == []
    again = await says(http, asking, one["need_id"], "mapped", need="mobility")
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:no-change")


async def test_it_is_set_aside_and_what_was_said_is_taken_back(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await refers(http, asking, hospital, RAMP, "transport", "another thing")
    one, other = await listed(http, asking, told["patient_id"])
    for need, act, body in (
        (one, "set-aside", {}), (other, "mapped", {"need": "risk:high"}), (one, "taken-back", {}),
        (one, "mapped", {"need": "mobility"}), (other, "taken-back", {}),
    ):  # fmt: skip
        assert (await says(http, asking, need["need_id"], act, **body)).status_code == 200
    assert await needs_told(hospital, told["patient_id"]) == [
        ["unknown", "transport", "unknown"],
        ["transport", "unknown"],
        ["transport", "risk:high"],
        ["unknown", "transport", "risk:high"],
        ["mobility", "transport", "risk:high"],
        ["mobility", "transport", "unknown"],
    ]


@pytest.mark.parametrize("need", ["no-such-need", "risk:odd", "transport:north", "payer:NOBODY", "days:someday"])
async def test_it_is_mapped_to_nothing_that_the_site_does_not_have(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, need: str
) -> None:
    told = await refers(http, asking, hospital, RAMP)
    [one] = await listed(http, asking, told["patient_id"])
    answer = await says(http, asking, one["need_id"], "mapped", need=need)
    assert (answer.status_code, [each["field"] for each in answer.json()["fields"]]) == (422, ["need"])
    elsewhere = await http.post(
        f"/api/unknown-needs/{one['need_id']}/set-aside", json={}, headers=asking("coordinator", "RIVERBEND")
    )
    assert elsewhere.status_code == 404


async def test_needs_of_an_assessment_and_of_a_service_request_are_read_alike(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    first = await refers(http, asking, hospital)
    about = {"episode_id": first["episode_id"], "needs": ["a quiet room"]}
    await posted(http, "/assessments", assessment(**about), asking("hospital"))
    service = {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "subject": {"identifier": {"system": "GH", "value": hospital.mrn}}, "performer": [{"display": "GOODHEALTH"}],
        "code": {"coding": [{"code": "php"}]},
        "orderDetail": [
            {"coding": [{"code": "160734000", "display": "Lives in a shelter"}, {"code": "housing"}]},
            {"text": "a service dog comes along"},
            {"coding": [{"system": "http://snomed.info/sct", "code": "714049008"}]},
        ],
    }  # fmt: skip
    headers = asking("hospital") | {"content-type": "application/fhir+json"}
    answer = await http.post("/fhir/ServiceRequest", json=service, headers=headers)
    assert answer.status_code == 201, answer.text
    found = await listed(http, asking, first["patient_id"])
    assert [one["told"] for one in found] == ["714049008", "a quiet room", "a service dog comes along"]
    assert (await needs_told(hospital, first["patient_id"]))[1:] == [["unknown"], ["housing", "unknown", "unknown"]]
    [_, room, _] = found
    assert (await says(http, asking, room["need_id"], "mapped", need="transport")).status_code == 200
    *_, anew = await hospital.facts_about(first["patient_id"])
    assert (anew.name, anew.as_json["needs"]) == ("assessed", ["transport"])


@pytest.mark.parametrize("merged_first", [True, False])
async def test_the_copy_in_a_surviving_episode_is_stated_anew_with_it(
    http: httpx.AsyncClient, intake: Intake, asking: Asking, merged_first: bool
) -> None:
    ward = Ward(intake)
    await ward.hears(ward.says("A01", "20260302090000", "A", visit="V"))
    about = {"identifiers": [{"id": ward.mrn("B"), "assigning_authority": "GH", "type": "MR"}]}
    body = {"facility": "GOODHEALTH", "identity": about, "source": "court", "needs": [RAMP]}
    told: dict[str, Any] = await posted(http, "/referrals", body, asking("hospital"))
    merge = ward.says("A40", "20260303090000", "A", retired="B")
    if merged_first:
        await ward.hears(merge)
    [one] = await listed(http, asking, told["patient_id"])
    assert (await says(http, asking, one["need_id"], "mapped", need="mobility")).status_code == 200
    if not merged_first:
        await ward.hears(merge)
    assert await copied(ward) == [["mobility"]]
    assert (await says(http, asking, one["need_id"], "set-aside")).status_code == 200
    assert await copied(ward) == [[]]
    await ward.hears(ward.says("A37", "20260304090000", "A", other="B"))
    assert await copied(ward) == []


async def copied(ward: Ward) -> list[Sequence[str]]:
    """The needs of the copies of referrals in the surviving patient's episode that stand."""
    return [one.as_json.get("needs", []) for one in await ward.standing("A") if one.copy_of and one.name == "referred"]


async def test_the_desk_lists_it_until_it_is_decided(
    browser: Browser, http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    ramp = f"a ramp for {hospital.mrn}"
    told = await refers(http, asking, hospital, ramp)
    reader = await signed_in(browser, asking, *HERE, subject=f"n-{hospital.mrn}")
    page = await reader.opens("/", list="need-unknown")
    assert "to be decided" in page.cells(ramp)["state"]
    assert (await browser.press(page, ramp, "It is this need", need="mobility")).status == 200
    page = await reader.opens("/", list="need-unknown")
    assert "step-free access" in page.cells(ramp)["state"]
    assert set(page.forms(ramp)) == {"Take back"}
    await browser.press(page, ramp, "Take back")
    assert (await needs_told(hospital, told["patient_id"]))[-1] == ["unknown"]
    audited = [what for what, _ in await reader.audit(hospital.intake)]
    assert {"unknown-need-listed", "unknown-need-mapped", "unknown-need-taken-back"} <= set(audited)
