"""Intake's desk in a real browser, on a whole running system: axe-core, forms, and the row after an act."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from tests.browser.chromium import PROGRAM, Chromium, Tab
from tests.browser.test_find import axe
from tests.system import System, a_system
from tools.simulator.messages import Person, Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
_numbers = count(1)


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system in which three patients were discharged yesterday."""
    with a_system(tmp_path_factory.mktemp("intake")) as running:
        sender = await running.sender()
        for nth in range(3):
            person = Person(
                f"Q-7900{nth}", f"Quill{chr(97 + nth)}", "Ada", date(1980, 1, nth + 1), "F", "ACME", "F33.2"
            )
            visit = Visit(person, f"QI-{nth}", ZoneInfo("America/New_York"), lambda: f"I{next(_numbers)}")
            for trigger, days in (("A01", 6), ("A03", 1)):
                at = datetime.now(UTC) - timedelta(days=days, hours=nth)
                told = visit.says(trigger, at, "3W", disposition="01" if trigger == "A03" else "")
                assert b"MSA|AA" in await sender.send(told.raw)
        await sender.close()
        await running.idle()
        yield running


async def opened(chromium: Chromium, system: System, role: str, address: str) -> Tab:
    """A page of a browser in which somebody with this role is signed in."""
    tab = await chromium.tab()
    desk = system.ready["desk"]
    await tab.open(f"{desk}/intake/sign-in#{system.ready['tokens'][role]}")
    await tab.shows("location.pathname === '/intake/' && !location.hash")
    await tab.open(desk + address)
    await tab.shows(
        f"(location.pathname + location.search) === {json.dumps(address)} && !!document.querySelector('main')"
    )
    return tab


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("coordinator", "/intake/"),
        ("coordinator", "/intake/?list=take-in"),
        ("coordinator", "/intake/?list=consents"),
        ("identity", "/intake/?list=matches"),
        ("interface", "/intake/?list=feeds"),
        ("interface", "/intake/?list=unmapped"),
        ("interface", "/intake/?list=codes"),
        ("interface", "/intake/?list=silent"),
        ("interface", "/intake/messages"),
        ("interface", "/intake/messages?note=applied&trigger=A01"),
        ("interface", "/intake/messages?note=waiting"),
        ("interface", "/intake/messages/try"),
        ("admin", "/intake/?list=dead-letters"),
        ("admin", "/aftercare/?list=dead-letters"),
    ],
)
async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    chromium: Chromium, system: System, role: str, address: str
) -> None:
    tab = await opened(chromium, system, role, address)
    for width, dark in ((1280, False), (1280, True), (390, False)):
        await tab.as_seen(width=width, dark=dark)
        await tab.shows(f"innerWidth === {width}")
        assert await axe(tab) == [], (width, dark)
        assert await tab.look("document.documentElement.scrollWidth") <= width


async def test_one_message_is_opened_and_read_again_and_axe_finds_nothing(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "interface", "/intake/messages?trigger=A03")
    await tab.look("document.querySelector('tr.row a').click()")
    await tab.shows("document.querySelector('dl.facts') !== null")
    for button, shows in (("/text", "pre.sealed"), ("/again", "form[action$='/again'], section:last-child")):
        await tab.look(f"document.querySelector('form[action$=\"{button}\"] button').click()")
        await tab.shows(
            f"document.querySelector({json.dumps(shows)}) !== null && location.pathname.endsWith('{button}')"
        )
        for width, dark in ((1280, False), (1280, True), (390, False)):
            await tab.as_seen(width=width, dark=dark)
            assert await axe(tab) == [], (button, width, dark)
            assert await tab.look("document.documentElement.scrollWidth") <= width
        await tab.as_seen(width=1280)


async def test_a_pasted_message_says_what_it_would_do(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "interface", "/intake/messages/try")
    person = Person("Q-79999", "Quillz", "Ada", date(1980, 1, 1), "F", "ACME", "F33.2")
    visit = Visit(person, "QI-9", ZoneInfo("America/New_York"), lambda: "I9999")
    text = visit.says("A01", datetime.now(UTC), "3W").raw.decode().replace("\r", "\n")
    await tab.look(f"document.querySelector('textarea').value = {json.dumps(text)}")
    await tab.look("document.querySelector('form[action$=\"/messages/try\"]').requestSubmit()")
    await tab.shows("document.querySelector('section') !== null")
    assert "Stated: admitted" in await tab.look("document.querySelector('main').innerText")
    for width in (1280, 390):
        await tab.as_seen(width=width)
        assert await axe(tab) == []
        assert await tab.look("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("nth", [0, 1, 2])
async def test_a_form_opens_in_its_row_and_axe_finds_nothing(chromium: Chromium, system: System, nth: int) -> None:
    tab = await opened(chromium, system, "coordinator", "/intake/?list=take-in")
    await tab.look(f"document.querySelectorAll('a.act')[{nth}].click()")
    await tab.shows("document.querySelector('tr.form form') !== null")
    assert await axe(tab) == []


async def test_on_a_patient_s_page_intake_s_part_has_its_acts(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "coordinator", "/aftercare/?list=contacts")
    where = await tab.look("document.querySelector('tr.row .person a').getAttribute('href')")
    await tab.open(system.ready["desk"] + where)
    await tab.shows("document.querySelectorAll('#intake details.act').length === 3")
    assert "Quill" in await tab.look("document.querySelector('#intake').innerText")
    await tab.look("document.querySelectorAll('#intake details.act').forEach((each) => { each.open = true; })")
    assert await axe(tab) == []
    await tab.as_seen(width=390)
    assert await axe(tab) == []


async def test_after_a_contact_is_recorded_the_next_row_is_ready(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "coordinator", "/aftercare/?list=contacts")
    rows = "[...document.querySelectorAll('tr.row .person a')].map((each) => each.dataset.patient)"
    before = await tab.look(rows)
    assert len(before) == 3
    await tab.look("document.querySelectorAll('tr.row')[1].querySelector('a.act').click()")
    await tab.shows("document.querySelector('tr.form form') !== null")
    await tab.look(
        "(() => { const act = document.querySelector('tr.form');"
        "act.querySelector('[name=mode]').value = 'phone'; act.querySelector('[name=outcome]').value = 'reached';"
        "act.querySelector('form').requestSubmit(); })()"
    )
    await tab.shows("document.querySelector('.notice.good') !== null")
    here = "document.activeElement.closest('tr.row')?.querySelector('.person a').dataset.patient"
    assert await tab.shows(here) == before[2]
