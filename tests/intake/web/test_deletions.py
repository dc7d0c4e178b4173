"""A person lets a message delete a visit long after its end, and takes that back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]


async def stands(hospital: Hospital) -> list[str]:
    """Names of the facts that stand, in their order."""
    return sorted(name for name, _ in await hospital.standing())


async def asked_late(hospital: Hospital) -> str:
    """A visit, and a message that came to delete it 40 days after its end; returns the message's id."""
    await hospital.tells("A01", "20260101090000")
    await hospital.tells("A03", "20260103090000")
    await hospital.tells("A23", "20260212090000")
    assert (await hospital.notes())[-1] == ("A23", "waiting", "asks-a-person")
    assert await stands(hospital) == ["admitted", "discharged"]
    return str((await hospital.rows("message_id"))[-1].message_id)


async def test_a_deletion_that_came_late_is_agreed_to_and_taken_back(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    path, headers = f"/api/messages/{await asked_late(hospital)}", asking("identity", "GOODHEALTH")
    done = await http.post(f"{path}/agreed", json={}, headers=headers)
    assert (done.status_code, done.json()["note"]) == (200, "applied"), done.text
    assert await stands(hospital) == []
    assert [note[1] for note in await hospital.notes()] == ["taken-back", "taken-back", "applied"]
    assert (await http.post(f"{path}/agreed", json={}, headers=headers)).status_code == 409
    back = await http.post(f"{path}/agreed-taken-back", json={}, headers=headers)
    assert (back.status_code, back.json()["reason"]) == (200, "asks-a-person")
    assert await stands(hospital) == ["admitted", "discharged"]
    assert (await http.post(f"{path}/agreed-taken-back", json={}, headers=headers)).status_code == 409


async def test_who_may_not_decide_of_it_changes_nothing(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    path = f"/api/messages/{await asked_late(hospital)}/agreed"
    assert (await http.post(path, json={}, headers=asking("coordinator", "GOODHEALTH"))).status_code == 403
    assert (await http.post(path, json={}, headers=asking("identity", "RIVERBEND"))).status_code == 404
    assert await stands(hospital) == ["admitted", "discharged"]


async def test_the_list_of_waiting_messages_has_the_act(browser: Browser, hospital: Hospital, asking: Asking) -> None:
    message = await asked_late(hospital)
    reader = await signed_in(browser, asking, "identity", subject=f"d-{hospital.mrn[::-1]}")
    page = await reader.opens("/", list="waiting")
    while f"Message {message}" not in page.text:
        page = await browser.follow(page.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&"))
    assert (await browser.press(page, f"Message {message}", "Delete the visit")).status == 200
    assert await stands(hospital) == []
    assert ("deletion-agreed", message) in await reader.audit(hospital.intake)


async def test_what_was_agreed_to_holds_when_the_message_is_read_again(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    path = f"/api/messages/{await asked_late(hospital)}"
    await http.post(f"{path}/agreed", json={}, headers=asking("identity", "GOODHEALTH"))
    again = await http.get(f"{path}/read-again", headers=asking("interface", "GOODHEALTH"))
    assert (again.status_code, again.json()["facts"], again.json()["note"]) == (200, [], "applied"), again.text


async def message_of(hospital: Hospital, trigger: str) -> str:
    """The id of the last message of a trigger."""
    return [str(row.message_id) for row in await hospital.rows("message_id, trigger") if row.trigger == trigger][-1]


async def test_a_deletion_without_a_visit_takes_none_back_by_itself(hospital: Hospital) -> None:
    await hospital.tells("A01", "20260301090000", visit="")
    await hospital.tells("A23", "20260302090000", visit="")
    await hospital.tells("A03", "20260303090000", visit="")
    assert await stands(hospital) == ["admitted", "discharged"]
    assert ("A23", "waiting", "asks-a-person") in await hospital.notes()


@pytest.mark.parametrize("late", [False, True])
async def test_of_a_deletion_without_a_visit_a_person_chooses_which_and_takes_it_back(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, late: bool
) -> None:
    await hospital.tells("A01", "20260301090000", visit="W1")
    await hospital.tells("A03", "20260302090000", visit="W1")
    await hospital.tells("A01", "20260305090000", visit="W2", unit="RES")
    if not late:
        await hospital.tells("A03", "20260306090000", visit="W2", unit="RES")
    await hospital.tells("A23", "20260307090000", visit="")
    path, headers = f"/api/messages/{await message_of(hospital, 'A23')}", asking("identity", "GOODHEALTH")
    visits = {str(row.visit_id) for row in await hospital.rows("visit_id") if row.visit_id}
    first = str((await hospital.rows("visit_id"))[0].visit_id)
    for body in ({}, {"visit_id": "nobody-has-it"}):
        assert (await http.post(f"{path}/agreed", json=body, headers=headers)).status_code == 409
    done = await http.post(f"{path}/agreed", json={"visit_id": first}, headers=headers)
    assert (done.status_code, done.json()["note"]) == (200, "applied"), done.text
    assert await stands(hospital) == (["admitted"] if late else ["admitted", "discharged"])
    if late:
        await hospital.tells("A03", "20260306090000", visit="W2", unit="RES")
        assert await stands(hospital) == ["admitted", "discharged"]
    again = await http.get(f"{path}/read-again", headers=asking("interface", "GOODHEALTH"))
    assert (again.json()["facts"], again.json()["note"]) == ([], "applied"), again.text
    back = await http.post(f"{path}/agreed-taken-back", json={}, headers=headers)
    assert (back.status_code, back.json()["reason"]) == (200, "asks-a-person"), back.text
    assert await stands(hospital) == ["admitted", "admitted", "discharged", "discharged"]
    assert {str(row.visit_id) for row in await hospital.rows("visit_id") if row.visit_id} == visits


async def person(http: httpx.AsyncClient, hospital: Hospital, asking: Asking) -> dict[str, Any]:
    """What is told of who the patient is."""
    patient = (await hospital.rows("patient_id"))[0].patient_id
    told = await http.get(f"/api/patients/{patient}", headers=asking("coordinator", "GOODHEALTH"))
    assert told.status_code == 200, told.text
    return {name: told.json()[name] for name in ("name", "birth_date", "identifiers") if name in told.json()}


async def test_a_deletion_of_a_person_waits_deletes_who_it_is_and_no_care_and_is_taken_back(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01", "20260301090000")
    await hospital.tells("A29", "20260302090000")
    before = await person(http, hospital, asking)
    assert before
    message = await message_of(hospital, "A29")
    path, headers = f"/api/messages/{message}", asking("identity", "GOODHEALTH")
    assert await person(http, hospital, asking) == before
    done = await http.post(f"{path}/agreed", json={}, headers=headers)
    assert (done.status_code, done.json()["note"]) == (200, "applied"), done.text
    assert await person(http, hospital, asking) == {}
    assert await stands(hospital) == ["admitted"]
    again = await http.get(f"{path}/read-again", headers=asking("interface", "GOODHEALTH"))
    assert (again.json()["facts"], again.json()["note"]) == ([], "applied"), again.text
    back = await http.post(f"{path}/agreed-taken-back", json={}, headers=headers)
    assert (back.status_code, back.json()["reason"]) == (200, "asks-a-person"), back.text
    assert await person(http, hospital, asking) == before


async def test_what_is_told_of_the_person_after_the_deletion_is_told_anew_and_both_are_there_after_it_is_taken_back(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01", "20260301090000")
    before = await person(http, hospital, asking)
    await hospital.tells("A29", "20260302090000")
    path, headers = f"/api/messages/{await message_of(hospital, 'A29')}", asking("identity", "GOODHEALTH")
    await http.post(f"{path}/agreed", json={}, headers=headers)
    await hospital.tells("A08", "20260303090000")
    assert await person(http, hospital, asking) == before
    await http.post(f"{path}/agreed-taken-back", json={}, headers=headers)
    assert await person(http, hospital, asking) == before


async def test_the_page_of_a_message_has_the_acts_and_a_list_has_what_was_agreed_to(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01", "20260301090000", visit="W1")
    await hospital.tells("A03", "20260302090000", visit="W1")
    await hospital.tells("A23", "20260307090000", visit="")
    message, [first, *_] = await message_of(hospital, "A23"), await hospital.rows("visit_id")
    reader = await signed_in(browser, asking, "identity", subject=f"p-{hospital.mrn[::-1]}")
    page = await reader.opens(f"/messages/{message}")
    assert "Its visit: " in page.text
    done = await reader.sends(page, page.frame["Delete the visit"], visit_id=str(first.visit_id))
    assert (done.status, await stands(hospital)) == (200, []), done.text
    assert "It is deleted, as the message says" in done.text
    assert f"Message {message}" in done.text
    back = await browser.press(done, f"Message {message}", "Take the deletion back")
    assert (back.status, await stands(hospital)) == (200, ["admitted", "discharged"])
    assert [what for what, about in await reader.audit(hospital.intake) if about == message] == [
        "message-read", "deletion-agreed", "deletion-taken-back",
    ]  # fmt: skip


async def test_a_person_is_deleted_and_brought_back_on_the_page(
    browser: Browser, hospital: Hospital, asking: Asking, http: httpx.AsyncClient
) -> None:
    await hospital.tells("A01", "20260301090000")
    await hospital.tells("A29", "20260302090000")
    before, message = await person(http, hospital, asking), await message_of(hospital, "A29")
    reader = await signed_in(browser, asking, "identity")
    page = await reader.opens(f"/messages/{message}")
    await reader.sends(page, page.frame["Delete names and contacts"])
    assert await person(http, hospital, asking) == {}
    page = await reader.opens(f"/messages/{message}")
    await reader.sends(page, page.frame["Take the deletion back"])
    assert await person(http, hospital, asking) == before
