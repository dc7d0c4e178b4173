"""Who holds both records says whether they are one person's, and takes it back; what follows is as if a hospital had
said so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.records import Ward, broken_of
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in
from tests.intake.web.test_another_facility import elsewhere
from tests.intake.web.test_matches import hospital_patient, listed
from tests.intake.web.test_requests import posted

__all__ = ["browser"]
SSN = "^^^USSSA^SS"


@pytest.fixture
async def ward(intake: Intake) -> Ward:
    """A and B are admitted, and share a social security number."""
    found = Ward(intake)
    number = f"~9{int(found.own, 16) % 100000000:08}{SSN}"
    for name, at, visit in (("A", "20260302090000", "W1"), ("B", "20260304090000", "W2")):
        raw = found.says("A01", at, name, visit=visit).replace(b"^^^GH^MR", f"^^^GH^MR{number}".encode())
        await found.hears(raw)
    return found


async def match_of(http: httpx.AsyncClient, ward: Ward, headers: dict[str, str]) -> dict[str, Any]:
    """The match between A and B."""
    patients = [str(await ward.patient(name)) for name in ("A", "B")]
    found = await listed(http, headers, *patients)
    for state in ("same", "different"):
        answer = await http.get("/api/matches", params={"state": state, "limit": 200}, headers=headers)
        found += [one for one in answer.json()["matches"] if set(one["patient_ids"]) == set(patients)]
    [match] = found
    return match


async def decide(
    http: httpx.AsyncClient, match: dict[str, Any], act: str, headers: dict[str, str], **body: Any
) -> httpx.Response:
    """The answer to a decision."""
    return await http.post(f"/api/matches/{match['match_id']}/{act}", json=body, headers=headers)


async def test_same_within_a_facility_is_a_merge_and_is_taken_back_whole(
    http: httpx.AsyncClient, ward: Ward, asking: Asking
) -> None:
    headers = asking("identity", "GOODHEALTH")
    before, match = await ward.told("A B"), await match_of(http, ward, headers)
    answer = await decide(http, match, "same", headers)
    assert (answer.status_code, answer.json()["merged_at"], answer.json()["linked"]) == (200, ["GOODHEALTH"], False)
    assert await ward.told("A B") - before == {("patients-merged", "03-20", "B", "B"), ("admitted*", "03-04", "A", "A")}
    [merged] = [fact.as_json for fact in await ward.standing("A B") if fact.name == "patients-merged"]
    assert (merged["by"], merged["patient"]["mrn"]) == ("person", ward.mrn("A"))
    assert (await match_of(http, ward, headers))["state"] == "same"
    answer = await decide(http, match, "taken-back", headers)
    assert answer.json()["state"] == "open"
    assert await ward.told("A B") == {*before, ("patients-unmerged", "03-20", "B", "B")}
    assert [text for text in await broken_of(ward.intake) if (await ward.patient("A") or "") in text] == []


async def test_who_decides_says_who_stays(http: httpx.AsyncClient, ward: Ward, asking: Asking) -> None:
    headers = asking("identity", "GOODHEALTH")
    match, wanted = await match_of(http, ward, headers), await ward.patient("B")
    assert (await decide(http, match, "same", headers, surviving_patient_id="somebody")).status_code == 422
    assert (await decide(http, match, "same", headers, surviving_patient_id=wanted)).status_code == 200
    merged = [fact.as_json for fact in await ward.standing("A B") if fact.name == "patients-merged"]
    assert {one["surviving_patient_id"] for one in merged} == {wanted}


async def test_different_is_remembered_and_takes_back_what_a_hospital_said(
    http: httpx.AsyncClient, ward: Ward, asking: Asking
) -> None:
    headers = asking("identity", "GOODHEALTH")
    before = await ward.told("A B")
    await ward.hears(ward.says("A40", "20260306090000", "A", retired="B"))
    match = await match_of(http, ward, headers)
    assert (match["state"], "told-as-one" in match["for"]) == ("same", True)
    answer = await decide(http, match, "different", headers)
    assert answer.json().get("state") == "different", answer.text
    assert {one for one in await ward.told("A B") if one[0] != "patients-unmerged"} == before
    await ward.hears(ward.says("A08", "20260307090000", "A", visit="W1"))
    assert (await match_of(http, ward, headers))["state"] == "different"


async def test_records_of_two_facilities_are_linked_and_nothing_moves(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    here = asking("hospital", "RIVERBEND")
    told = await posted(http, "/referrals", elsewhere(hospital, birth_date="1980-01-01"), here)
    patients = [str(await hospital_patient(hospital)), told["patient_id"]]
    both = asking("identity", "RIVERBEND", "GOODHEALTH")
    [match] = await listed(http, both, *patients)
    before = [await names(hospital, patient) for patient in patients]
    answer = await decide(http, match, "same", both)
    assert (answer.json()["merged_at"], answer.json()["linked"]) == ([], True)
    after = [await names(hospital, patient) for patient in patients]
    assert after == [[*each, "patients-linked"] for each in before]
    await decide(http, match, "taken-back", both)
    after = [await names(hospital, patient) for patient in patients]
    assert after == [[*each, "patients-linked", "fact-cancelled", "patients-unlinked"] for each in before]


async def names(hospital: Hospital, patient: str) -> list[str]:
    """Names of the facts that were stated of a patient."""
    return [fact.name for fact in await hospital.facts_about(patient)]


async def test_nobody_decides_over_a_record_that_they_do_not_hold(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    here = asking("hospital", "RIVERBEND")
    told = await posted(http, "/referrals", elsewhere(hospital, birth_date="1980-01-01"), here)
    patients = [str(await hospital_patient(hospital)), told["patient_id"]]
    [match] = await listed(http, asking("identity"), *patients)
    for who in (asking("identity", "GOODHEALTH"), asking("identity", "RIVERBEND")):
        for act in ("same", "different", "taken-back"):
            assert (await decide(http, match, act, who)).status_code == 404
    assert (await decide(http, match, "same", asking("coordinator"))).status_code == 403


async def test_a_decision_is_in_the_audit_with_who_made_it(http: httpx.AsyncClient, ward: Ward, asking: Asking) -> None:
    headers = asking("identity", "GOODHEALTH", subject=f"i-{ward.own}")
    match = await match_of(http, ward, headers)
    for act in ("same", "different", "taken-back"):
        await decide(http, match, act, headers)
    query = sa.text("SELECT action FROM audit WHERE actor = :actor AND subject = :match AND action <> 'match-listed'")
    async with ward.intake.database.read() as connection:
        rows = await connection.execute(query, {"actor": f"i-{ward.own}", "match": match["match_id"]})
        assert list(rows.scalars()) == ["match-same", "match-different", "match-open"]


async def test_a_match_has_a_page_with_both_sides_and_what_can_be_decided(
    browser: Browser, ward: Ward, asking: Asking, http: httpx.AsyncClient
) -> None:
    match = await match_of(http, ward, asking("identity", "GOODHEALTH"))
    reader = await signed_in(browser, asking, "identity", "GOODHEALTH", subject=f"i-{ward.own}")
    page = await reader.opens(f"/matches/{match['match_id']}")
    for words in (ward.mrn("A"), ward.mrn("B"), "the same social security number", "One person", "Two people"):
        assert words in page.text, words
    done = await browser.send(page, page.frame["One person"])
    assert done.status == 200
    assert (await match_of(http, ward, asking("identity", "GOODHEALTH")))["state"] == "same"
    page = await reader.opens(f"/matches/{match['match_id']}")
    assert "Take back" in page.text
    assert ("patient-read", str(await ward.patient("A"))) in await reader.audit(ward.intake)


async def test_the_page_of_a_match_is_for_who_holds_both(
    browser: Browser, ward: Ward, asking: Asking, http: httpx.AsyncClient
) -> None:
    match = await match_of(http, ward, asking("identity", "GOODHEALTH"))
    reader = await signed_in(browser, asking, "identity", "RIVERBEND")
    assert (await reader.opens(f"/matches/{match['match_id']}")).status == 404
