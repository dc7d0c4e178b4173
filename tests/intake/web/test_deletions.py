"""A person lets a message delete a visit long after its end, and takes that back."""

from __future__ import annotations

import httpx

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
