"""The box and the page that find a patient: what they show, to whom, how often, and what is written down of it."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.people.finding.filling import Filling
from services.intake.receiving.receive import Intake
from shared.run import ServiceProcess
from tests.answers import client_of
from tests.browsing import Browser, Page
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking

FRAGMENT = {"hx-request": "true"}


class Finder:
    """Somebody signed in who asks in the box, or on the page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    async def asks(self, question: str, headers: dict[str, str] | None = None) -> Page:
        form_token = re.findall(r'name="form_token" value="(\w+)"', (await self.browser.open("/find")).text)[0]
        client = self.browser.client
        return Page(await client.post("/find", data={"form_token": form_token, "q": question}, headers=headers))


@pytest.fixture
async def browser(service: ServiceProcess) -> AsyncIterator[Browser]:
    async with client_of(service.web, "intake", "http://intake") as client:
        yield Browser(client)


async def signed_in(
    browser: Browser, asking: Asking, role: str, *facilities: str, subject: str | None = None
) -> Finder:
    """The same browser with a session of this role."""
    await browser.enter(asking(role, *facilities, subject=subject)["authorization"].removeprefix("Bearer "))
    return Finder(browser)


async def audit_of(intake: Intake, actor: str) -> list[tuple[str, str, str | None]]:
    """(what, about whom, reason) in the audit by this person."""
    query = sa.text(
        "SELECT action, subject, reason FROM audit WHERE actor = :actor AND action = 'patient-found' ORDER BY id"
    )
    async with intake.database.read() as connection:
        return [(row.action, row.subject, row.reason) for row in await connection.execute(query, {"actor": actor})]


def people(page: Page) -> list[str]:
    """The ids of the patients to whose pages the answer links, in its order."""
    return re.findall(r'href="/placement/patients/([^"]+)"', page.text)


async def test_a_patient_is_shown_with_what_tells_them_apart(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    hospital.name = f"Elm{hospital.mrn}"
    await hospital.tells("A01")
    finder = await signed_in(browser, asking, "coordinator")
    for question in (hospital.name[:6], f"given {hospital.name[:8]}", hospital.mrn, f"V1-{hospital.mrn}"):
        page = await finder.asks(question)
        assert str(await hospital.patient_id()) in people(page), question
    text = page.text
    assert f"{hospital.name}, GIVENMARKER" in text
    assert f"{hospital.mrn} · born Jan 1, 1980, 46 years · female" in text
    assert "inpatient since Mar 10, 2026" in text
    assert page.address == "/find"


async def test_the_list_below_the_box_has_a_few_and_leads_to_all(
    browser: Browser, another: Any, asking: Asking
) -> None:
    patients = [another() for _ in range(10)]
    for patient in patients:
        patient.name = f"Boxed{patients[0].mrn}"
        await patient.tells("A01")
    finder = await signed_in(browser, asking, "coordinator")
    page = await finder.asks(patients[0].name, FRAGMENT)
    assert (len(people(page)), page.text.count('role="option"')) == (8, 8)
    assert "10 people: show all" in page.text
    assert "<html" not in page.text
    assert len(people(await finder.asks(patients[0].name))) == 10


async def test_who_fits_best_comes_first(browser: Browser, another: Any, asking: Asking) -> None:
    begins, older, newer = another(), another(), another()
    own = newer.mrn
    begins.name, older.name, newer.name = f"{own}son", own, own
    await begins.tells("A01", "20260315090000")
    await older.tells("A01", "20260301090000")
    await newer.tells("A01", "20260312090000")
    await (numbered := another()).tells("A01", "20260101090000", visit="OLD")
    finder = await signed_in(browser, asking, "clinician")
    numbered_id, others = await numbered.patient_id(), [await each.patient_id() for each in (newer, older, begins)]
    assert people(await finder.asks(own))[0] == others[0], "whose record number it is"
    assert people(await finder.asks(f"OLD-{numbered.mrn}")) == [numbered_id]
    found = people(await finder.asks(f"{own} givenmarker"))
    assert found == others, "whole names before beginnings, the last visit first"


async def test_nobody_of_another_facility_is_found_by_any_beginning(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    hospital.name = "".join(chr(ord("a") + int(sign, 16)) for sign in uuid.uuid4().hex)[:12]
    await hospital.tells("A01")
    theirs = [hospital.name[:end] for end in range(3, 13)]
    theirs += [f"{hospital.name} 1980-01-01", f"givenmarker {hospital.name[:5]}", hospital.mrn, f"V1-{hospital.mrn}"]
    own = await signed_in(browser, asking, "coordinator", "GOODHEALTH")
    for question in theirs:
        assert await hospital.patient_id() in people(await own.asks(question)), question
    finder = await signed_in(browser, asking, "coordinator", "RIVERBEND")
    for question in theirs:
        page = await finder.asks(question)
        assert people(page) == [], question
        assert "Nobody of your facilities is found by that." in page.text


async def test_a_program_finds_only_whom_a_placement_made_known(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    finder = await signed_in(browser, asking, "program", "GOODHEALTH")
    assert people(await finder.asks(hospital.mrn)) == []
    (fact,) = await hospital.facts()
    told = sa.text(
        "INSERT INTO told_episodes (episode_id, version, state, facilities) "
        "VALUES (:episode, 1, 'open', '{GOODHEALTH}')"
    )
    async with hospital.intake.database.begin() as connection:
        await connection.execute(told, {"episode": fact.subject})
    assert people(await finder.asks(hospital.mrn)) == [await hospital.patient_id()]


@pytest.mark.parametrize("role", ["billing", "auditor", "hospital"])
async def test_who_does_not_care_for_patients_finds_nobody(browser: Browser, asking: Asking, role: str) -> None:
    await browser.enter(asking(role)["authorization"].removeprefix("Bearer "))
    assert (await browser.open("/find")).status == 403


async def test_what_was_asked_is_written_down_by_its_kind_and_by_nothing_of_its_text(
    browser: Browser, hospital: Hospital, asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await hospital.tells("A01")
    who = f"u-{hospital.mrn}"
    finder = await signed_in(browser, asking, "coordinator", subject=who)
    shown = await finder.asks(hospital.mrn)
    nobody = await finder.asks("zzyzx 12/06/1968", FRAGMENT)
    assert await audit_of(hospital.intake, who) == [
        ("patient-found", await hospital.patient_id(), "by-number"),
        ("patient-found", "nobody", "none-found-by-birth-date-and-name"),
    ]
    assert "zzyzx" not in caplog.text + nobody.text
    assert hospital.mrn not in caplog.text + shown.address + str(shown.answer.headers)


async def test_who_asks_too_often_is_told_when_to_ask_again(
    browser: Browser, hospital: Hospital, asking: Asking, http: httpx.AsyncClient
) -> None:
    headers = asking("coordinator", subject=f"u-{hospital.mrn}")
    most = hospital.intake.site.limits.identity_questions
    finder = await signed_in(browser, asking, "coordinator", subject=f"u-{hospital.mrn}")
    for _ in range(most):
        answer = await http.get("/api/patients", params={"q": "zzyzx"}, headers=headers)
        assert answer.status_code == 200
    for headers_too in (None, FRAGMENT):  # the API and the box count together
        page = await finder.asks("zzyzx", headers_too)
        assert page.status == 429
        assert re.search(r"You have asked as often as you may within a minute: ask again in \d+ seconds\.", page.text)


@pytest.mark.parametrize("question", ["x" * 201, "a b c d e f g"])
async def test_a_question_that_is_too_long_says_so(browser: Browser, asking: Asking, question: str) -> None:
    finder = await signed_in(browser, asking, "coordinator", subject=f"u-{len(question)}")
    page = await finder.asks(question)
    assert (page.status, people(page)) == (422, [])
    assert "at most" in page.notice


async def test_a_list_for_nobody_signed_in_says_so(browser: Browser) -> None:
    answer = await browser.client.post("/find", data={"q": "elm"}, headers=FRAGMENT)
    assert (answer.status_code, "<html" in answer.text) == (401, False), answer.text


async def test_the_index_is_made_of_what_is_stored_and_goes_on_where_it_stopped(
    own_intake: Intake, asking: Asking
) -> None:
    patients = [Hospital(own_intake) for _ in range(5)]
    for patient in patients:
        await patient.tells("A01")
    everything = "SELECT patient_id, facility, words FROM identity_words ORDER BY 1"
    async with own_intake.database.begin() as connection:
        before = (await connection.execute(sa.text(everything))).all()
        await connection.execute(sa.text("DELETE FROM identity_words WHERE patient_id <> :one"), {"one": before[2][0]})
    own_intake.prepared = True
    filling = Filling(own_intake)
    await filling.run()
    async with own_intake.database.read() as connection:
        after = (await connection.execute(sa.text(everything))).all()
    assert (after, filling.done, filling.whole) == (before, 4, True)
