"""The desks' pages in a real browser, on a whole running system: what a person sees and does there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from tests.browser.chromium import PROGRAM, Chromium, Tab
from tests.system import System, a_system
from tools.simulator.messages import Person, Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
NAME = "Quillfeather"
_numbers = count(1)


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system in which one patient was discharged yesterday."""
    with a_system(tmp_path_factory.mktemp("desks")) as running:
        await discharge(running)
        yield running


async def discharge(system: System) -> None:
    person = Person("Q-77001", NAME, "Ada", date(1980, 1, 1), "F", "ACME", "F33.2")
    visit = Visit(person, "QV-1", ZoneInfo("America/New_York"), lambda: f"Q{next(_numbers)}")
    now = datetime.now(UTC)
    sender = await system.sender()
    for trigger, days in (("A01", 6), ("A03", 1)):
        told = visit.says(trigger, now - timedelta(days=days), "3W", disposition="01" if trigger == "A03" else "")
        assert b"MSA|AA" in await sender.send(told.raw)
    await sender.close()
    await system.idle()


@pytest.fixture
async def tab(chromium: Chromium) -> AsyncIterator[Tab]:
    """A page of a browser that nobody used before; at the end no script failed, and nothing was forbidden."""
    chromium.told.clear()
    found = await chromium.tab()
    yield found
    await found.close()
    assert chromium.complaints() == []


async def sign_in(tab: Tab, system: System, desk: str) -> None:
    await tab.open(system.ready["sign_in"][desk])
    await tab.shows(
        f"location.pathname === '/{desk}/' && document.querySelector('nav.rail') !== null"
        " && document.querySelector('nav.rail .part[hx-get]') === null"
    )


@pytest.fixture(params=["aftercare", "placement"])
def desk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_link_of_the_ready_file_signs_in_and_leaves_no_token_in_the_address(
    tab: Tab, system: System, desk: str
) -> None:
    await sign_in(tab, system, desk)
    history = await tab.ask("Page.getNavigationHistory")
    addresses = [entry["url"] for entry in history["entries"]]
    assert not [address for address in addresses if "#" in address or "eyJ" in address]
    assert await tab.look("document.cookie.replace(/stepdown_zone=[^;]*/, '')") == "", "no script reads the sign-in"


async def test_the_page_shows_who_the_patient_is_and_the_service_never_knew(
    tab: Tab, system: System, desk: str
) -> None:
    await sign_in(tab, system, desk)
    await tab.shows(f"document.body.innerText.includes({json.dumps(NAME)})")
    assert "Jan 1, 1980, " in await tab.look("document.body.innerText")
    assert NAME not in system.logs()


async def test_a_page_asks_once_who_its_patients_are(tab: Tab, system: System, desk: str) -> None:
    await sign_in(tab, system, desk)
    await tab.shows(f"document.body.innerText.includes({json.dumps(NAME)})")
    asked = await tab.look(
        "performance.getEntriesByType('resource').map((each) => new URL(each.name))"
        ".filter((each) => each.pathname.includes('/api/patients')).map((each) => each.pathname)"
    )
    assert asked == ["/intake/api/patients"]


async def test_names_that_did_not_come_are_said_in_words_and_asked_for_again(
    tab: Tab, system: System, desk: str
) -> None:
    await tab.ask("Network.enable")
    await tab.ask("Network.setBlockedURLs", urls=["*/api/patients*"])
    await sign_in(tab, system, desk)
    said = await tab.shows("document.querySelector('.names') && document.querySelector('.names').innerText")
    assert said.startswith("Names not loaded: intake does not answer.")
    assert NAME not in await tab.look("document.body.innerText")
    await tab.ask("Network.setBlockedURLs", urls=[])
    await tab.look("document.querySelector('.names button').click()")
    await tab.shows(f"document.body.innerText.includes({json.dumps(NAME)}) && !document.querySelector('.names')")
    assert all("ERR_BLOCKED_BY_CLIENT" in each for each in tab.browser.complaints())
    tab.browser.told.clear()


async def test_a_form_that_is_refused_is_open_where_it_was_with_what_was_typed(tab: Tab, system: System) -> None:
    await sign_in(tab, system, "placement")
    await tab.look("document.querySelector('a[href^=\"/placement/?search=\"]').click()")
    await tab.shows("document.querySelector('#others a.act') !== null")
    await tab.look(
        "[...document.querySelectorAll('#others tr.row')].find((each) => /IOP|Intensive/.test(each.innerText))"
        ".querySelector('a.act').click()"
    )
    await tab.shows("document.querySelector('tr.form [name=variance_reason][required]') !== null")
    await tab.look(
        "(() => { const form = document.querySelector('tr.form form');"
        "form.querySelector('[name=start_date]').value = '2031-01-05'; form.noValidate = true; form.requestSubmit();"
        "})()"
    )
    await tab.shows("document.activeElement.name === 'variance_reason'")
    assert await tab.look("document.activeElement.form.querySelector('[name=start_date]').value") == "2031-01-05"
    assert await tab.look("document.querySelectorAll('tr.form').length") == 1
    top = await tab.look("document.activeElement.getBoundingClientRect().top / innerHeight")
    assert 0 <= top <= 1, "it is seen without scrolling"
    await tab.look("location.assign(location.href)")
    await tab.shows("location.pathname === '/placement/' && location.search.startsWith('?search=')")
    assert all("409" in each for each in tab.browser.complaints())
    tab.browser.told.clear()


async def test_a_contact_is_recorded_by_hand_and_said_to_be(tab: Tab, system: System) -> None:
    await sign_in(tab, system, "aftercare")
    await tab.open(system.ready["desk"] + "/aftercare/?list=follow-ups")
    await tab.shows("location.search === '?list=follow-ups' && document.querySelector('a.act') !== null")
    await tab.look(
        "[...document.querySelectorAll('a.act')].find((each) => each.innerText.includes('Record a contact')).click()"
    )
    await tab.shows("document.querySelector('tr.form form') !== null")
    await tab.look(
        "(() => { const act = document.querySelector('tr.form');"
        "act.querySelector('[name=mode]').value = 'phone';"
        "act.querySelector('[name=outcome]').value = 'no-answer';"
        "act.querySelector('form').requestSubmit(); })()"
    )
    notice = await tab.shows("document.querySelector('.notice') && document.querySelector('.notice').innerText")
    assert notice == "The contact is recorded"
    assert await tab.look("location.search") == "?list=follow-ups"


async def test_a_patient_is_offered_to_a_program_and_placed(tab: Tab, system: System) -> None:
    await sign_in(tab, system, "placement")
    await tab.look("document.querySelector('a[href^=\"/placement/?search=\"]').click()")
    await tab.shows("document.querySelector('#programs a.act') !== null")
    await tab.look("document.querySelector('#programs a.act').click()")
    await tab.shows("document.querySelector('#programs tr.form form') !== null")
    await tab.look("document.querySelector('#programs tr.form form').requestSubmit()")
    sent = await tab.shows("document.querySelector('.notice') && document.querySelector('.notice').innerText")
    assert sent.startswith("The offer is sent")
    await tab.look("[...document.querySelectorAll('#asked a.act')].find((e) => /accepts/.test(e.textContent)).click()")
    await tab.shows("document.querySelector('#asked tr.form form') !== null")
    await tab.look("document.querySelector('#asked tr.form form').requestSubmit()")
    await tab.shows("document.querySelector('.notice')?.innerText.startsWith('Placed')")


async def test_a_form_that_lacks_an_answer_is_not_sent(tab: Tab, system: System) -> None:
    await sign_in(tab, system, "aftercare")
    await tab.shows("document.querySelector('a.act') !== null")
    await tab.look("document.querySelector('a.act').click()")
    await tab.shows("document.querySelector('tr.form form') !== null")
    fits = "document.querySelector('tr.form form').checkValidity()"
    assert await tab.look(fits) is False


@pytest.mark.parametrize(("width", "dark"), [(360, False), (390, True), (768, False), (1280, True)])
async def test_nothing_is_wider_than_the_window(tab: Tab, system: System, desk: str, *, width: int, dark: bool) -> None:
    await tab.as_seen(width=width, dark=dark)
    await sign_in(tab, system, desk)
    await tab.look("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert await tab.look("document.documentElement.scrollWidth") <= width
    shade = await tab.look("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (shade < 100) is dark


async def test_on_a_phone_the_list_that_is_open_is_in_sight_among_the_others(
    tab: Tab, system: System, desk: str
) -> None:
    await tab.as_seen(width=390)
    await sign_in(tab, system, desk)
    last = await tab.look("[...document.querySelectorAll('nav.rail a')].at(-1).getAttribute('href')")
    await tab.open(system.ready["desk"] + last)
    place = "document.querySelector('nav.rail [aria-current]').getBoundingClientRect()"
    await tab.shows(f"location.search && {place}.left >= 0 && {place}.right <= innerWidth && scrollY === 0")


async def test_who_signs_out_is_led_to_the_sign_in(tab: Tab, system: System, desk: str) -> None:
    await sign_in(tab, system, desk)
    await tab.look("document.querySelector('form.leave').requestSubmit()")
    await tab.shows("location.pathname === '/sign-in'")
    await tab.open(f"{system.ready['desk']}/{desk}/")
    await tab.shows("location.pathname === '/sign-in'")


async def test_who_signed_in_at_one_desk_works_at_the_other_and_the_host_alone_leads_to_one(
    tab: Tab, system: System
) -> None:
    await sign_in(tab, system, "aftercare")
    await tab.open(system.ready["desk"])
    await tab.shows("location.pathname === '/placement/' && document.querySelector('nav.rail') !== null")
