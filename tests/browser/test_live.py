"""An open page in a real browser shows what another person did, and moves nothing while somebody is at work in it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Route, expect

from tests.browser.chromium import PROGRAM, Chromium, Tab, a_chromium
from tests.browser.people import a_browser, named, person
from tests.system import System, a_system
from tools.simulator.messages import Person, Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
_numbers = count(1)
AWAY = 8.0
"""Seconds for which the list cannot be had: longer than a discharge goes on changing it."""
ROWS = "document.querySelectorAll('#list [data-patient]').length"


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    with a_system(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    async with a_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield await opened(browser)
        assert browser.complaints() == []


async def opened(browser: Chromium) -> Tab:
    browser.told.clear()
    return await browser.tab()


async def discharge(system: System) -> None:
    """The hospital tells that another patient came and left."""
    number = next(_numbers)
    person = Person(f"L-{number}", "Larkspur", f"Ann{number}", date(1980, 1, 1), "F", "ACME", "F33.2")
    visit = Visit(person, f"LV-{number}", ZoneInfo("America/New_York"), lambda: f"L{next(_numbers)}")
    sender = await system.sender()
    for trigger, days in (("A01", 6), ("A03", 1)):
        told = visit.says(
            trigger, datetime.now(UTC) - timedelta(days=days), "3W", disposition="01" if days == 1 else ""
        )
        assert b"MSA|AA" in await sender.send(told.raw)
    await sender.close()


async def test_a_list_shows_who_is_new_and_asks_first_while_a_form_is_open(tab: Tab, system: System) -> None:
    await tab.open(system.ready["sign_in"]["placement"])
    await tab.shows("location.pathname === '/placement/' && document.getElementById('live') !== null")
    await tab.look("window.stillHere = true")
    await discharge(system)
    await tab.shows(f"window.stillHere && {ROWS} === 1", 60)
    await tab.look("document.querySelector('#list a.act').click()")
    await tab.shows("document.querySelector('tr.form') !== null")
    await discharge(system)
    await tab.shows("!document.getElementById('live').hidden", 60)
    assert await tab.look(ROWS) == 1, "nothing moves"
    assert await tab.look("document.querySelector('tr.form') !== null") is True
    await tab.look("document.querySelector('#live button').click()")
    await tab.shows(f"window.stillHere && {ROWS} === 2", 60)


async def test_a_list_that_could_not_be_had_is_asked_for_again(system: System) -> None:
    async with a_browser() as browser:
        page = await person(browser, system, "coordinator")
        before, refused = await page.locator("#list tr.row").count(), list[float]()

        async def away_at_first(route: Route) -> None:
            now = time.monotonic()
            if "stepdown-by-itself" in route.request.headers and (not refused or now < refused[0] + AWAY):
                refused.append(now)
                await route.fulfill(status=503, content_type="text/html", body="away")
            else:
                await route.continue_()

        await page.route(lambda address: address.endswith("/placement/"), away_at_first)
        await page.mouse.move(0, 0)
        await discharge(system)
        await expect(page.locator("#list tr.row")).to_have_count(before + 1, timeout=60_000)
        assert refused
        counted = page.locator("#rail-own a[href*='list=searches-open'] .count")
        waits = page.locator("section#searches-open h2 span.soft")
        await expect(counted).to_have_text(await waits.inner_text())  # it comes with the list


_WATCHES = """() => {
  const seen = () => [...document.querySelectorAll("#list [data-patient]")];
  const known = new Set(seen().map((each) => each.dataset.patient));
  window.nameless = [];
  const looks = () => window.nameless.push(
    ...seen().filter((each) => known.has(each.dataset.patient) && /^Patient /.test(each.innerText)).map((e) => e.id));
  new MutationObserver(looks).observe(document.body, { childList: true, subtree: true });
}"""
"""Notes each row that lost the name it had, however short the moment."""


async def test_a_row_that_is_shown_anew_has_its_name_at_once(system: System) -> None:
    await discharge(system)
    async with a_browser() as browser:
        page = await person(browser, system, "coordinator")
        await expect(page.locator("#list tr.row")).not_to_have_count(0, timeout=60_000)
        await named(page)
        before = await page.locator("#list tr.row").count()
        await page.evaluate(_WATCHES)
        await page.mouse.move(0, 0)
        await discharge(system)
        await expect(page.locator("#list tr.row")).to_have_count(before + 1, timeout=60_000)
        await named(page)
        assert await page.evaluate("window.nameless") == []
