"""The box that finds a patient, in a real browser: by keyboard alone, as a list below it, and nothing in an address."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.browser.chromium import PROGRAM, Chromium, Tab
from tests.system import System, a_system
from tools.simulator.messages import Person, Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
FAMILY = "Quillfeather-Núñez"
OPTIONS = "[...document.querySelectorAll('[role=option]')]"
BOX = "document.getElementById('find-box')"
_numbers = count(1)


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system with ten patients whose names begin alike."""
    with a_system(tmp_path_factory.mktemp("find")) as running:
        sender = await running.sender()
        for number in range(10):
            born = date(1968, 12, number + 1)
            person = Person(f"Q-7800{number}", FAMILY, f"Ada{chr(97 + number)}", born, "F", "ACME", "F33.2")
            visit = Visit(person, f"QF-{number}", ZoneInfo("America/New_York"), lambda: f"F{next(_numbers)}")
            told = visit.says("A01", datetime.now(UTC) - timedelta(days=number + 1), "3W")
            assert b"MSA|AA" in await sender.send(told.raw)
        await sender.close()
        await running.idle()
        yield running


@pytest.fixture
async def tab(chromium: Chromium, system: System) -> AsyncIterator[Tab]:
    """The page that finds, with a coordinator signed in; at the end no script failed, and nothing was forbidden."""
    chromium.told.clear()
    found = await chromium.tab()
    await found.open(f"{system.ready['desk']}/intake/sign-in#{system.ready['tokens']['coordinator']}")
    await found.shows("location.pathname === '/intake/' && !location.hash")
    await found.open(f"{system.ready['desk']}/intake/find")
    await found.shows(BOX + " !== null")
    yield found
    assert chromium.complaints() == []


async def press(tab: Tab, key: str, text: str = "") -> None:
    """One key, down and up."""
    code = {"Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "Escape": 27}.get(key, 0)
    more: dict[str, Any] = {"text": text} if text else {}
    await tab.ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
    await tab.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


async def types(tab: Tab, text: str) -> None:
    """`/`, then a text as if typed into what has the focus."""
    await press(tab, "/", "/")
    assert await tab.look("document.activeElement.id") == "find-box"
    await tab.ask("Input.insertText", text=text)


async def axe(tab: Tab) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    await tab.look(script + "; true")
    each = "each.id + ' ' + each.nodes.map((node) => node.html).join(' ')"
    told = await tab.look(f"axe.run().then((found) => JSON.stringify(found.violations.map((each) => {each})))")
    found: list[str] = json.loads(told)
    return found


async def test_a_patient_is_found_by_keyboard_alone_and_opened(tab: Tab) -> None:
    await types(tab, "nun adac")
    await tab.shows(f"{OPTIONS}.length === 1")
    assert f"{FAMILY}, Adac" in await tab.look(f"{OPTIONS}[0].innerText")
    assert await tab.look(f"{BOX}.getAttribute('aria-expanded')") == "true"
    await press(tab, "ArrowDown")
    assert await tab.look(f"{BOX}.getAttribute('aria-activedescendant')") == "find-1"
    await press(tab, "Enter")
    address = await tab.shows("location.pathname.startsWith('/placement/patients/') && location.href")
    assert "nun" not in address
    tab.browser.told.clear()  # the front door, where that page is, is not here


async def test_a_few_are_shown_below_the_box_and_all_of_them_on_the_page(tab: Tab) -> None:
    await types(tab, "quill")
    await tab.shows(f"{OPTIONS}.length === 8")
    assert "10 people: show all" in await tab.look("document.querySelector('.found').innerText")
    for key, place in (("ArrowUp", 8), ("ArrowDown", 1), ("ArrowDown", 2)):
        await press(tab, key)
        assert await tab.look(f"{BOX}.getAttribute('aria-activedescendant')") == f"find-{place}"
    await press(tab, "Escape")
    assert await tab.look("document.querySelector('.found').hidden")
    await press(tab, "Enter", "\r")
    await tab.shows("document.querySelectorAll('.people > li').length === 10")
    assert await tab.look("location.href.endsWith('/find')")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
async def test_the_box_and_its_list_are_for_everybody(tab: Tab, width: int, *, dark: bool) -> None:
    await tab.as_seen(width=width, dark=dark)
    assert await axe(tab) == []
    await types(tab, "quill")
    await tab.shows(f"{OPTIONS}.length === 8")
    await press(tab, "ArrowDown")
    assert await axe(tab) == []
    assert await tab.look("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the window"
    await press(tab, "Escape")
    await press(tab, "Enter", "\r")
    await tab.shows("document.querySelectorAll('.people > li').length === 10")
    assert await axe(tab) == []


async def test_a_service_that_is_away_is_said_below_the_box(tab: Tab) -> None:
    await tab.ask("Network.enable")
    await tab.ask("Network.setBlockedURLs", urls=["*/find"])
    await types(tab, "quill")
    said = await tab.shows("!document.querySelector('.found').hidden && document.querySelector('.found').innerText")
    assert said == "Finding patients does not answer: try again in a moment."
    tab.browser.told.clear()
