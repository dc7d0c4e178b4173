"""People at the desks in a real browser (Playwright): they sign in by the development issuer, look, and press keys."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, Error, Locator, Page, ViewportSize, async_playwright, expect

from shared.messaging.reading import reading
from shared.settings import Settings
from shared.site import config
from tests.browser.chromium import PROGRAM
from tests.system import System
from tests.waiting import until
from tools.simulator.doors import Doors
from tools.simulator.messages import FACILITY
from tools.simulator.morning import play_morning
from tools.simulator.watch import Watch

WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE = 30_000
A_MOMENT = 8_000
"""Milliseconds to wait for what a page shows: the machine may be busy; and before something is tried again."""
_HAS_FOCUS = """() => { const e = document.activeElement; if (!e || e === document.body) return '';
  const by = (e.getAttribute('aria-labelledby') || '').split(' ');
  const named = by.map((id) => document.getElementById(id)?.innerText);
  return [e.getAttribute('aria-label'), ...named, ...[...(e.labels || [])].map((l) => l.innerText), e.innerText]
    .filter(Boolean).join(' '); }"""
"""What is read out of the element that has the focus, roughly."""


async def play(system: System) -> None:
    """This morning's work (tools/simulator/morning.py), played on a running system; waits until it is at rest."""
    ready = system.ready
    doors = Doors({name: ready[name] for name in ("intake", "placement", "aftercare")}, ready["tokens"])
    watch = Watch()
    async with reading(Settings(kafka=system.kafka).kafka_client()) as topics:
        await topics.begin(["care.events", "hospital.acks"], at_the_end=True)
        watching = asyncio.create_task(watch.read(topics))
        try:
            await play_morning(doors, watch, ready["mllp"], datetime.now(UTC), config.load(None).zone(FACILITY))
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            doors.close()
    await system.idle()


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def opened(browser: Browser, **how: Any) -> Page:
    """A page of a browser that nobody used before."""
    context = await browser.new_context(**{"viewport": WIDE, **how})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return await context.new_page()


async def person(browser: Browser, system: System, role: str, **how: Any) -> Page:
    """The first page of somebody of this role, who signed in by the development issuer's button."""
    page = await opened(browser, **how)
    await page.goto(system.ready["desk"] + "/")
    await page.get_by_text("Choose a role to sign in with").click()
    await page.locator(f"button[value={role}]").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await page.wait_for_load_state()  # its keys are there once its script is
    return page


async def reach(page: Page, words: str, most: int = 150) -> None:
    """Press Tab until what has the focus says these words; AssertionError after `most` times."""
    for _ in range(most):
        await page.wait_for_load_state()
        await page.keyboard.press("Tab")
        if words.lower() in (await _focused(page)).lower():
            return
    raise AssertionError(f"no key leads to {words}")


async def _focused(page: Page) -> str:
    """What has the focus; empty where the page goes away just then."""
    try:
        return str(await page.evaluate(_HAS_FOCUS))
    except Error:
        return ""


async def press(page: Page, words: str) -> None:
    """Reach it by keys, and press Enter."""
    await reach(page, words)
    await page.keyboard.press("Enter")


async def opens(page: Page, name: str) -> None:
    """Choose a list of the rail, and see its rows with names."""
    counted = re.compile(rf"^{re.escape(name)} \d")
    await page.locator("nav.rail").get_by_role("link", name=counted).click()
    await expect(page.get_by_role("heading", level=1, name=counted)).to_be_visible()
    await named(page)


async def named(page: Page) -> None:
    """Wait until intake told who the patients of the page are, or why it does not tell this reader."""
    await page.wait_for_function(
        "() => document.querySelector('p.names') || "
        "[...document.querySelectorAll('[data-patient]')].every((e) => !/^(Patient|Paciente) /.test(e.innerText))"
    )


def row(page: Page, words: str) -> Locator:
    """The rows that have these words."""
    return page.locator("tr.row").filter(has_text=words)


async def begins(within: Locator, act: str) -> Locator:
    """Press an act of a row, behind "More" where it is not its likeliest, and return its form; again, where the list
    was shown anew just then. An act without questions is done at once."""
    page = within.page
    done = page.locator("tr.form form, .notice.good")

    async def pressed() -> bool:
        if await done.count():
            return True
        own = within.locator("td.acts > a.act, td.acts > form button", has_text=act)
        with suppress(Error, AssertionError):
            if not await own.count():
                own = within.locator(".menu a.act, .menu button", has_text=act)
                if not await own.first.is_visible():
                    await within.locator("details.more > summary").click(timeout=A_MOMENT)
            await own.first.click(timeout=A_MOMENT)
            await expect(done.first).to_be_visible(timeout=A_MOMENT)
        return bool(await done.count())

    await until(pressed, PATIENCE / 1000)
    return page.locator("tr.form form")


async def told(page: Page, words: str) -> None:
    """See the sentence on top of the page that says what was done."""
    await expect(page.locator(".notice.good")).to_contain_text(words)
