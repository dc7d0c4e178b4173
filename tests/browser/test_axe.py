"""axe-core finds nothing on any page, light and dark, at a desk and on a phone: lists, open forms and menus, a
patient's page, finding, signing in, errors.

axe's rules of best practice are among those that are run.
"""

from __future__ import annotations

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
        ("Authorizations ending", "Payer allows more"), ("Plans to review", "Plan reviewed"),
    ],
)  # fmt: skip
async def test_a_form_that_is_open_in_its_row(morning: System, browser: Browser, name: str, act: str) -> None:
    page = await person(browser, morning, "coordinator")
    await opens(page, name)
    form = await begins(page.locator("tr.row").first, act)
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
    await page.locator("tr.row .person a").first.click()
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
