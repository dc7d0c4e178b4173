"""A morning at the desks, in a real browser on a whole running system: what each person sees and does, and that it
happened."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from shared.events.planning import PlanRecorded
from tests.browser.chromium import PROGRAM
from tests.browser.people import begins, named, opened, opens, person, press, reach, row, told
from tests.system import System
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
NURSE, REVIEWER = "clinician", "reviewer"
"""The roles with which they sign in."""


def listed(system: System, name: str, **asked: str) -> list[dict[str, Any]]:
    """A list of placement's API."""
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    found: list[dict[str, Any]] = system.get("placement", f"/api/{name}?{query}")[name]
    return found


async def patient_of(page: Page) -> str:
    """The id of the patient whose page it is."""
    return str(await page.locator("h1[data-patient]").get_attribute("data-patient"))


async def test_a_coordinator_places_a_patient_by_keyboard_alone(morning: System, browser: Browser) -> None:
    page = await opened(browser)
    await page.goto(morning.ready["desk"] + "/")
    await press(page, "Choose a role to sign in with")
    await press(page, "coordinator")
    await expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()
    await press(page, "To be placed")
    await expect(page.get_by_role("heading", level=1, name="To be placed")).to_be_visible()
    await named(page)
    # The most urgent is the first row: who has waited longest.
    waits = [text.split()[2] for text in await page.locator("tr.row td.waiting .badge").all_inner_texts()]
    days = [int({"today": "0", "yesterday": "1"}.get(each, each)) for each in waits]
    assert days == sorted(days, reverse=True)
    assert days[0] > 1
    await page.keyboard.press("j")
    first = page.locator("tr.row .person a").first
    await expect(first).to_be_focused()
    name = await first.inner_text()
    # The patient's page says who it is and what waits.
    await page.keyboard.press("o")
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    await expect(page.locator("#waits")).to_contain_text("To be placed")
    patient = await patient_of(page)
    # Two programs that suit are asked.
    await press(page, "Compare programs")
    await expect(page.get_by_role("heading", name="Programs that suit")).to_be_visible()
    asked = [await asks_one(page) for _ in range(2)]
    assert len(set(asked)) == 2
    # Somebody else is found by the beginnings of a name.
    await page.keyboard.press("/")
    await expect(page.locator("#find-box")).to_be_focused()
    await page.keyboard.type(" ".join(part[:4] for part in name.replace(",", "").split()))
    await expect(page.locator("form.find [role=option]").first).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    assert await patient_of(page) == patient
    assert name.split()[0].strip(",").lower() not in page.url.lower(), "no name is in an address"
    # Handed on: the link of the page is for a colleague.
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await press(page, "Copy the link")
    assert await until(lambda: page.evaluate("navigator.clipboard.readText()")) == page.url
    # It happened.
    waiting = [one for one in listed(morning, "offers", state="sent") if one["patient_id"] == patient]
    assert len(waiting) == 2
    titles = {one["program"] for one in waiting}
    assert len(titles) == 2


async def asks_one(page: Page) -> str:
    """Send an offer to the best program that was not asked yet, by keys; the program's name."""
    await reach(page, "Send an offer")
    program = await page.evaluate("document.activeElement.closest('tr.row').querySelector('th').innerText")
    await page.keyboard.press("Enter")
    await expect(page.locator("tr.form form")).to_be_visible()
    first = page.locator("tr.form [name=start_date]")
    await expect(first).not_to_have_value("")
    await page.wait_for_function("() => document.activeElement.closest('tr.form') !== null")
    await press(page, "Send an offer")
    await told(page, "The offer is sent")
    return str(program)


async def test_a_program_answers_and_says_who_came(morning: System, browser: Browser) -> None:
    page = await person(browser, morning, "program")
    # An offer is answered.
    await opens(page, "Offers out")
    before = {one["offer_id"] for one in listed(morning, "offers", state="accepted")}
    mine = page.locator("tr.row").first
    name = await mine.locator(".person a").inner_text()
    form = await begins(mine, "Program accepts")
    await form.get_by_role("button", name="Program accepts").click()
    await told(page, "Placed: the seat is held")
    accepted = [one for one in listed(morning, "offers", state="accepted") if one["offer_id"] not in before]
    assert len(accepted) == 1
    await opens(page, "First days")
    await expect(row(page, name)).to_be_visible()
    # One came after all, whose first day was missed.
    await opens(page, "First days missed")
    patient = await page.locator("tr.row .person a").first.get_attribute("data-patient")
    form = await begins(page.locator("tr.row").first, "First day was")
    yesterday = (date.today() - timedelta(days=1)).isoformat()  # noqa: DTZ011 - a day that is over in every zone of the site
    await form.locator("[name=date]").fill(yesterday)
    await form.get_by_role("button", name="First day was").click()
    await told(page, "The stay has begun")
    [there] = [one for one in listed(morning, "placements", state="started") if one["patient_id"] == patient]
    assert there["from"].startswith(yesterday)
    # Another did not come.
    await opens(page, "First days")
    late = (
        row(page, "overdue").filter(has_text="Did not come").first
    )  # of another it was told, without effect, that they did
    patient = await late.locator(".person a").get_attribute("data-patient")
    form = await begins(late, "Did not come")
    if await form.count():
        await form.get_by_role("button", name="Did not come").click()
    await told(page, "Recorded: the patient did not come")
    assert [one for one in listed(morning, "placements", state="missed") if one["patient_id"] == patient]


async def test_a_nurse_calls_and_makes_an_appointment(morning: System, browser: Browser) -> None:
    page = await person(browser, morning, NURSE)
    await page.goto(morning.ready["desk"] + "/aftercare/")
    # The list of calls, the longest overdue first.
    await opens(page, "Contacts to make")
    first = page.locator("tr.row").first
    patient = await first.locator(".person a").get_attribute("data-patient")
    form = await begins(first, "Record a contact")
    await form.locator("[name=mode]").select_option("phone")
    await form.locator("[name=outcome]").select_option("reached")
    await form.get_by_role("button", name="Record a contact").click()
    await told(page, "The contact is recorded")
    # An appointment for the same patient, tomorrow.
    await opens(page, "Plans")
    mine = page.locator("tr.row").filter(has=page.locator(f"[data-patient='{patient}']"))
    form = await begins(mine, "Add an appointment")
    await form.locator("[name=at]").fill(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT10:30}")
    await form.locator("[name=mode]").select_option("phone")
    await form.get_by_role("button", name="Add an appointment").click()
    await told(page, "The appointment is recorded")
    await opens(page, "Appointments")
    await expect(page.locator(f"tr.row [data-patient='{patient}']")).to_be_visible()
    # It happened.
    facts = await morning.facts()
    names = [fact.name for fact in facts if fact.writer == "aftercare"]
    assert names.count("contact-attempted") >= 1
    assert names.count("appointment-scheduled") >= 1
    contacts = morning.get("aftercare", "/api/contacts")["items"]
    assert [one for one in contacts if one["patient_id"] == patient and one["outcome"] == "reached"]


async def test_a_reviewer_extends_an_authorization_and_records_that_a_plan_was_looked_at(
    morning: System, browser: Browser
) -> None:
    page = await person(browser, morning, REVIEWER)
    # The payer allows more days.
    await opens(page, "Authorizations ending")
    patient = await page.locator("tr.row .person a").first.get_attribute("data-patient")
    form = await begins(page.locator("tr.row").first, "Payer allows more")
    later = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    await form.locator("[name=units]").fill("40")
    await form.locator("[name=to]").fill(later)
    await form.get_by_role("button", name="Payer allows more").click()
    await told(page, "What the payer allows is noted")
    await expect(page.locator(f"tr.row [data-patient='{patient}']")).to_have_count(0)
    allowed = [one for one in listed(morning, "authorizations") if one["patient_id"] == patient]
    assert [(one["units"], one["to"]) for one in allowed] == [(40, later)]
    # The plan whose review is due was looked at.
    await opens(page, "Reviews due")
    plan = page.locator("tr.row", has_text="Plan reviewed").first
    patient = await plan.locator(".person a").get_attribute("data-patient")
    form = await begins(plan, "Plan reviewed")
    await form.locator("[name=review_due]").fill(later)
    await form.get_by_role("button", name="Plan reviewed").click()
    await told(page, "The plan is recorded")
    await expect(row(page, "Plan reviewed").locator(f"[data-patient='{patient}']")).to_have_count(0)
    recorded = [one.review_due for fact in await morning.facts() if isinstance(one := fact.value, PlanRecorded)]
    assert recorded[-1].isoformat() == later
