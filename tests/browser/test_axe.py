"""axe-core finds nothing on any page, light and dark, at a desk and on a phone: lists, open forms and menus, a
patient's page, finding, signing in, errors.

axe's rules of best practice are among those that are run.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from services.aftercare.worklists.lists import WORKLISTS as AFTERCARE
from services.intake.desk.lists import LISTS as INTAKE
from services.placement.worklists.lists import WORKLISTS as PLACEMENT
from tests.browser.chromium import PROGRAM
from tests.browser.people import PHONE, WIDE, begins, named, opened, opens, person, row
from tests.system import System

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
LISTS = [f"/placement/?list={one.name}" for one in PLACEMENT if one.title and "coordinator" in one.readers]
LISTS += [f"/aftercare/?list={one.name}" for one in AFTERCARE]
LISTS += [f"/intake/?list={one.listing.name}" for one in INTAKE if "coordinator" in one.readers]
OTHERS = [
    (one.readers[0], f"/intake{one.listing.page or f'/?list={one.listing.name}'}")
    for one in INTAKE
    if one.listing.page or "coordinator" not in one.readers
]
"""Lists of intake, and its pages of messages, that are for others: who reads them, and where they are."""
Way = Callable[[Page, System], Awaitable[object]]
"""How a page is come to, from its reader's first page."""


async def found_nothing(page: Page) -> None:
    """Look with axe at the page on a desk and on a phone, light and dark; nothing is wider than the window."""
    for size in (WIDE, PHONE):
        await page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            found = (await Axe().run(page)).response["violations"]
            told = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
            assert told == [], f"{page.url} at {size['width']} px, {scheme}"
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} px wider than {size['width']}"
    await page.set_viewport_size(WIDE)
    await page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("address", ["/placement/", "/aftercare/", "/intake/", *LISTS])
async def test_every_list_of_every_desk(morning: System, browser: Browser, address: str) -> None:
    page = await person(browser, morning, "coordinator")
    await page.goto(morning.ready["desk"] + address)
    await named(page)
    await found_nothing(page)
    acts = page.locator("details.more > summary")
    if await acts.count():
        await acts.first.click()
        await found_nothing(page)


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("To be placed", "Say what is needed"), ("First days", "First day was"), ("Offers out", "Withdraw"),
        ("Contacts to make", "Record a contact"), ("Plans", "Add an appointment"),
        ("Authorizations ending", "Payer allows more"), ("Reviews due", "Plan reviewed"),
    ],
)  # fmt: skip
async def test_a_form_that_is_open_in_its_row(morning: System, browser: Browser, name: str, act: str) -> None:
    page = await person(browser, morning, "coordinator")
    await opens(page, name)
    form = await begins(row(page, act).first, act)
    await expect(form).to_be_visible()
    await found_nothing(page)


async def compares(page: Page, _: System) -> None:
    """The programs for the patient who has waited longest."""
    await opens(page, "To be placed")
    await page.get_by_text("Compare programs").first.click()
    await expect(page.get_by_role("heading", name="Programs that suit")).to_be_visible()


async def looks_at_one(page: Page, _: System) -> None:
    """The page of somebody whose authorization ends soon and whose plan is to be reviewed, with a form open."""
    await opens(page, "Authorizations ending")
    await row(page, "PHP").first.locator(".person a").click()  # who is in residence has no follow-up yet
    await expect(page.locator("#aftercare h3").first).to_be_visible()
    await page.locator("#waits details.act > summary").first.click()


async def types_a_name(page: Page, _: System) -> None:
    """The box with what it found below."""
    await page.keyboard.press("/")
    await expect(page.locator("#find-box")).to_be_focused()
    await page.keyboard.type("fern")
    await expect(page.locator("form.find [role=option]").first).to_be_visible()


async def finds(page: Page, system: System) -> None:
    """The page of those who were found."""
    await types_a_name(page, system)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Find a patient")).to_be_visible()


async def goes_astray(page: Page, system: System) -> None:
    """An address that is none."""
    await page.goto(system.ready["desk"] + "/placement/nowhere")
    await expect(page.locator(".sorry")).to_be_visible()


async def asks_nonsense(page: Page, system: System) -> None:
    """Parameters that no page has."""
    await page.goto(system.ready["desk"] + "/placement/?nonsense=1")
    await expect(page.locator(".sorry")).to_be_visible()


async def leaves(page: Page, _: System) -> None:
    """Signed out."""
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


WAYS: dict[str, Way] = {
    "comparing programs": compares,
    "a patient's page": looks_at_one,
    "the box that finds": types_a_name,
    "who was found": finds,
    "no such page": goes_astray,
    "no such question": asks_nonsense,
    "signed out": leaves,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_page_of_a_coordinator_s_day(morning: System, browser: Browser, way: Way) -> None:
    page = await person(browser, morning, "coordinator")
    await way(page, morning)
    await found_nothing(page)


async def _follows(page: Page, words: str, heads: str) -> None:
    """Go where the first link that begins with these words leads, to a page with this heading."""
    await page.get_by_role("link", name=re.compile(f"^{re.escape(words)}")).first.click()
    await expect(page.get_by_role("heading", level=1, name=heads)).to_be_visible()


async def chooses(page: Page, system: System) -> None:
    """The programs that suit somebody, as the patient reads them."""
    await compares(page, system)
    await _follows(page, "The patient's choices", "Your choices")
    await named(page)


async def reads_the_packet(page: Page, _: System) -> None:
    """What a program was told that was asked for somebody."""
    await opens(page, "Offers out")
    await _follows(page, "The packet", "Packet")


async def reads_a_whole_packet(page: Page, _: System) -> None:
    """What a program is told that would take somebody on another day."""
    await opens(page, "Another day proposed")
    await _follows(page, "The packet", "Packet")
    await expect(page.get_by_role("heading", name="Diagnoses")).to_be_visible()


def at(address: str, heads: str) -> Way:
    """The page of this address, which has this heading."""

    async def goes(page: Page, system: System) -> None:
        await page.goto(system.ready["desk"] + address)
        await expect(page.get_by_role("heading", level=1, name=heads).first).to_be_visible()
        await named(page)

    return goes


async def tells_of_seats(page: Page, system: System) -> None:
    """The form by which a program tells of its seats, from the board."""
    await at("/placement/board", "Seats")(page, system)
    await _follows(page, "Tell of its seats", "Tell of its seats")


async def weighs_a_match(page: Page, system: System) -> None:
    """Two records side by side, with what may be said of them."""
    await page.goto(system.ready["desk"] + "/intake/?list=matches")
    await page.locator("tr.row a[href*='/matches/']").first.click()
    await expect(page.get_by_role("heading", name="For and against")).to_be_visible()
    await page.locator("details.act > summary").first.click()


async def opens_a_message(page: Page, system: System) -> None:
    """One message, with its text and what it would do now."""
    await page.goto(system.ready["desk"] + "/intake/messages")
    await page.locator("tr.row a[href*='/messages/']").first.click()
    await expect(page.locator("dl.facts")).to_be_visible()
    for button, shows in (("/text", "pre.sealed"), ("/again", "form[action$='/again'], section:last-child")):
        await page.locator(f"form[action$='{button}'] button").click()
        await expect(page.locator(shows).first).to_be_visible()


async def reads_a_plan(page: Page, _: System) -> None:
    """The page of somebody whose end of the stay is planned."""
    await opens(page, "Leaving soon")
    await page.locator("tr.row .person a").first.click()
    await expect(page.locator("#aftercare")).to_be_visible()


PROGRAM_DAY = "/placement/programs/GH-PHP1"
SHEETS: dict[str, tuple[str, Way]] = {
    "seats": ("coordinator", at("/placement/board", "Seats")),
    "a program tells of its seats": ("program", tells_of_seats),
    "a patient's choices": ("coordinator", chooses),
    "what no program answers": ("coordinator", at("/placement/gaps", "What no program answers")),
    "ready, and waiting": ("coordinator", at("/placement/ready", "Ready")),
    "a blind packet": ("program", reads_the_packet),
    "a whole packet": ("program", reads_a_whole_packet),
    "a planned end": ("coordinator", reads_a_plan),
    "a program's day": ("program", at(f"{PROGRAM_DAY}/today", "")),
    "a program's attendance": ("program", at(f"{PROGRAM_DAY}/attendance", "")),
    "a match": ("identity", weighs_a_match),
    "a message": ("interface", opens_a_message),
}
"""Pages besides lists: who reads each, and the way to it."""


@pytest.mark.parametrize(("role", "way"), SHEETS.values(), ids=SHEETS.keys())
async def test_a_page_besides_the_lists(morning: System, browser: Browser, role: str, way: Way) -> None:
    page = await person(browser, morning, role)
    await way(page, morning)
    await found_nothing(page)


@pytest.mark.parametrize(("role", "address"), OTHERS)
async def test_what_others_read_at_intake(morning: System, browser: Browser, role: str, address: str) -> None:
    page = await person(browser, morning, role)
    await page.goto(morning.ready["desk"] + address)
    await named(page)
    await found_nothing(page)
    acts = page.locator("details.more > summary, main details > summary")
    if await acts.count():
        await acts.first.click()
        await found_nothing(page)


async def test_signing_in_and_choosing_a_role(morning: System, browser: Browser) -> None:
    page = await opened(browser)
    await page.goto(morning.ready["desk"] + "/")
    await found_nothing(page)
    await page.get_by_text("Choose a role to sign in with").click()
    await expect(page.get_by_role("heading", level=1, name="Choose a role")).to_be_visible()
    await found_nothing(page)


async def test_what_a_program_sees_and_what_is_not_for_it(morning: System, browser: Browser) -> None:
    page = await person(browser, morning, "program")
    await found_nothing(page)
    await opens(page, "Offers out")
    await expect(row(page, "PHP").first).to_be_visible()
    await found_nothing(page)
    await page.goto(morning.ready["desk"] + "/aftercare/?list=contacts")
    await expect(page.locator(".sorry")).to_be_visible()
    await found_nothing(page)
