"""Lists as tables in a real browser, on a whole running system: keys, forms in rows, filters, weight, axe-core."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.browser.chromium import PROGRAM
from tests.browser.test_desks import NAME, discharge
from tests.system import System, a_system

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
MOST_BYTES, MOST_REQUESTS = 40 * 1024, 8
"""Of the first page that a browser opens which has none of our files: over the network."""


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system in which one patient was discharged yesterday."""
    with a_system(tmp_path_factory.mktemp("tables")) as running:
        await discharge(running)
        yield running


@pytest.fixture(params=["placement", "aftercare"])
def desk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def context() -> AsyncIterator[BrowserContext]:
    """A browser that nobody used before."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield await browser.new_context(viewport={"width": 1280, "height": 900})
        await browser.close()


async def signed_in(context: BrowserContext, system: System, desk: str) -> Page:
    """The desk's first page, with the names loaded."""
    page = await context.new_page()
    await page.goto(system.ready["sign_in"][desk])
    await expect(page.get_by_text(NAME).first).to_be_visible(timeout=30_000)
    return page


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_a_page_with_a_form_or_a_menu_open(
    context: BrowserContext, system: System, desk: str, width: int, scheme: str
) -> None:
    page = await signed_in(context, system, desk)
    await page.set_viewport_size({"width": width, "height": 844})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    name = {"placement": "searches-open", "aftercare": "contacts"}[desk]
    for address in ("/", f"/?list={name}", f"/?list={name}&density=roomy"):
        await page.goto(f"{system.ready['desk']}/{desk}{address}")
        await expect(page.get_by_text(NAME).first).to_be_visible()
        await page.locator("details.more > summary").first.click()
        assert (await Axe().run(page)).response["violations"] == [], address
        await page.locator("details.more .menu a.act").first.click()
        await expect(page.locator("tr.form form")).to_be_visible()
        assert (await Axe().run(page)).response["violations"] == [], address


async def test_by_keys_alone_a_row_is_reached_its_form_opened_and_closed(
    context: BrowserContext, system: System
) -> None:
    page = await signed_in(context, system, "aftercare")
    await page.goto(system.ready["desk"] + "/aftercare/?list=follow-ups")
    await expect(page.get_by_text(NAME).first).to_be_visible()
    await page.keyboard.press("j")
    await expect(page.locator("tr.row .person a").first).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator("tr.row .person a").nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("a")
    await expect(page.locator("tr.form [name=at]")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("tr.form")).to_have_count(0)
    await expect(page.locator("tr.row td.acts .act").first).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.locator("dialog.keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.keys")).to_be_hidden()
    assert NAME in (await page.locator("td.acts a.act").first.aria_snapshot()), "a button says for whom it is"


async def test_a_filter_refreshes_the_table_alone_and_the_address_is_true(
    context: BrowserContext, system: System
) -> None:
    page = await signed_in(context, system, "placement")
    await page.goto(system.ready["desk"] + "/placement/?list=searches-open")
    await expect(page.get_by_text(NAME).first).to_be_visible()
    await page.evaluate("document.querySelector('.rail').dataset.kept = 'yes'")
    await page.locator("select[name=level]").select_option("iop")
    await expect(page.locator(".empty")).to_be_visible()
    assert "level=iop" in page.url
    assert "payer=" not in page.url
    assert await page.evaluate("document.querySelector('.rail').dataset.kept") == "yes"
    assert await page.title() == "To be placed (0) · Stepdown"
    await page.go_back()
    await expect(page.get_by_text(NAME).first).to_be_visible()


async def test_the_first_page_is_light(context: BrowserContext, system: System, desk: str) -> None:
    page = await signed_in(context, system, desk)
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    asked: set[str] = set()
    loaded: dict[str, float] = {}
    session.on("Network.requestWillBeSent", lambda one: asked.add(one["requestId"]))
    session.on("Network.loadingFinished", lambda one: loaded.update({one["requestId"]: one["encodedDataLength"]}))
    await page.goto(f"{system.ready['desk']}/{desk}/")
    await expect(page.get_by_text(NAME).first).to_be_visible()
    own = [size for each, size in loaded.items() if each in asked]  # not what the page before had asked for
    assert 4 < len(own) <= MOST_REQUESTS
    assert sum(own) <= MOST_BYTES


async def test_no_page_keeps_anything_of_a_patient_in_the_browser_s_storage(
    context: BrowserContext, system: System
) -> None:
    page = await signed_in(context, system, "placement")
    await page.goto(system.ready["desk"] + "/placement/?list=searches-open")
    await page.locator("thead a").first.click()
    await expect(page.get_by_text(NAME).first).to_be_visible()
    kept = await page.evaluate("({...localStorage, ...sessionStorage})")
    assert kept.keys() <= {"htmx-current-path-for-history"}, "the address of a list, and no page"
