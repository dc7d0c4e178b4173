"""A list of the follow-up desk as a table: its order, filters, columns and pages, saved views, and what counts say."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from bench.statements import counted
from services.aftercare.desk.views import PageQuestion
from services.aftercare.worklists.lists import WORKLISTS
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.tables import FLAGS
from shared.web.zones import COOKIE
from tests.aftercare.builders import LEFT, day, document, inpatient
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.desk.test_page import COMPLETED, browser, clock, lists, nobody
from tests.aftercare.test_handlers import take_in
from tests.browsing import Browser, Page

__all__ = ["browser", "clock", "lists", "nobody"]
MARK = "\N{BYTE ORDER MARK}"


def patients(page: Page) -> list[str]:
    """The patients of a page's rows, in their order."""
    return re.findall(r'data-patient="([^"]+)"', page.text)


async def leaves(database: Database, *names: str, hours: float = 0, facility: str = "GOODHEALTH") -> None:
    """Each left the ward so many hours after the others, and is to be called and seen."""
    for number, name in enumerate(names):
        to = LEFT + timedelta(hours=hours, minutes=number)
        left = inpatient(facility=facility) | {"to": to.isoformat()}
        await take_in(database, document(left, episode_id=f"E-{name}", patient_id=name))


@pytest.fixture
async def three(database: Database) -> None:
    """Three patients who left the ward, two of them on the first day; one at the other facility."""
    await leaves(database, "P-two", hours=2)
    await leaves(database, "P-one")
    await leaves(database, "P-three", hours=26, facility="RIVERBEND")


@pytest.mark.usefixtures("three")
async def test_what_is_due_first_comes_first_and_the_other_way_round_where_it_is_asked_for(browser: Browser) -> None:
    first = await browser.open("/", list="contacts")
    assert patients(first) == ["P-one", "P-two", "P-three"]
    assert 'aria-sort="ascending"' in first.text
    [other] = re.findall(r'<th scope="col" aria-sort="ascending"><a href="([^"]+)"', first.text)
    turned = await browser.follow(html.unescape(other))
    assert patients(turned) == ["P-three", "P-two", "P-one"]
    assert 'aria-sort="descending"' in turned.text


@pytest.mark.usefixtures("three")
async def test_filters_narrow_rows_and_the_count_in_the_title_and_not_the_rail_s(
    browser: Browser, clock: SetClock
) -> None:
    clock.at = day(4)
    every = await browser.open("/", list="contacts")
    assert len(patients(every)) == 3
    late = re.search(r'title="(\d) overdue"', every.text)
    assert late
    overdue = await browser.open("/", list="contacts", overdue="yes")
    assert len(patients(overdue)) == int(late[1]) > 0
    assert f"<title>Contacts to make ({late[1]})" in overdue.text
    assert '>Contacts to make <span class="n">' in overdue.text
    assert '<span class="count">3</span>' in overdue.text, "the rail says what is there in all"
    here = await browser.open("/", list="contacts", facility="RIVERBEND")
    assert patients(here) == ["P-three"]
    assert '<span class="count">1</span>' in here.text, "a facility is chosen for all lists"


@pytest.mark.usefixtures("three")
async def test_rail_title_rows_and_the_api_count_the_same(browser: Browser, desk: Desk, clock: SetClock) -> None:
    clock.at = desk.clock.at = day(20)
    told = {one["name"]: one["count"] for one in (await desk.get("/api/worklists")).json()["worklists"]}
    first = await browser.open("/")
    for one in WORKLISTS:
        page = await browser.open("/", list=one.name)
        rail = re.search(rf'aria-current="page">{re.escape(one.title)} .*?<span class="count">(\d+)<', page.text)
        assert rail
        assert told[one.name] == int(rail[1]) == len(patients(page)), one.name
        assert f"<title>{one.title} ({rail[1]})" in page.text
        shown = f'<section id="{one.name}">' in first.text
        assert shown == (one.first and told[one.name] > 0), one.name


async def test_pages_go_forward_and_back_and_say_where_they_are(browser: Browser, database: Database) -> None:
    await leaves(database, *(f"P{number:02}" for number in range(52)))
    for name in ("contacts", "follow-ups"):
        page, seen, said = await browser.open("/", list=name), list[str](), list[str]()
        while True:
            seen += patients(page)
            said += re.findall(r"<span>([^<]* of [^<]*)</span>", page.text)
            if (following := re.search(r'<a rel="next" href="([^"]+)"', page.text)) is None:
                break
            page = await browser.follow(html.unescape(following[1]))
        total = len(seen)
        assert total % 52 == 0
        assert said[0] == f"1–25 of {total}"
        assert said[-1].endswith(f"–{total} of {total}")
        for _ in said[1:]:
            before = re.search(r'<a rel="prev" href="([^"]+)"', page.text)
            assert before
            page = await browser.follow(html.unescape(before[1]))
        assert patients(page) == seen[:25]


@pytest.mark.usefixtures("three")
async def test_a_reader_chooses_columns_and_how_dense_rows_are(browser: Browser) -> None:
    usual = await browser.open("/", list="contacts")
    assert {"waiting", "what", "left"} <= usual.cells("First call" if "First call" in usual.text else "left").keys()
    assert '<div id="list" class="dense"' in usual.text
    chosen = await browser.open("/", list="contacts", columns="facility,left", density="roomy")
    shown = chosen.cells("Riverbend")
    assert {"facility", "left"} <= shown.keys()
    assert not {"waiting", "what"} & shown.keys()
    assert '<div id="list" class="roomy"' in chosen.text


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "waiting"}, {"columns": "what,what"}, {"columns": "secret"}, {"level": "php"}, {"payer": "ACME"},
        {"overdue": "no"}, {"density": "none"}, {"cursor": "x"}, {"before": "x"}, {"page": "2"},
    ],
    ids=str,
)  # fmt: skip
async def test_what_a_list_does_not_have_is_refused_in_words(browser: Browser, query: dict[str, str]) -> None:
    for name in ("contacts", "follow-ups"):
        page = await browser.open("/", list=name, **query)
        assert page.status == 422
        assert "This address is none of ours" in page.text


@pytest.mark.usefixtures("three")
async def test_a_view_is_kept_by_its_owner_and_gone_when_it_is_deleted(browser: Browser) -> None:
    page = await browser.open("/", list="contacts", overdue="yes", columns="what,left")
    saved = await browser.send(page, page.frame["Save this view"], name="Late ones")
    assert saved.notice
    rail = re.search(r'<li class="own"><a href="([^"]+)"[^>]*>Late ones</a>', saved.text)
    assert rail
    view = await browser.follow(html.unescape(rail[1]))
    assert {"overdue=yes", "columns=what%2Cleft"} <= set(view.address.partition("?")[2].split("&"))
    gone = await browser.send(view, view.frame["Delete “Late ones”"])
    assert '<li class="own">' not in gone.text


@pytest.mark.usefixtures("three")
async def test_many_are_taken_at_once_and_then_are_mine(browser: Browser, desk: Desk) -> None:
    ids = [one["id"] for one in (await desk.get("/api/worklists/contacts")).json()["items"]]
    page = await browser.open("/", list="contacts")
    done = await browser.send(page, page.frame["Take"], do="take", **{f"row.{each}": "1" for each in ids[:2]})
    assert len(patients(done)) == 3
    assert patients(await browser.open("/", list="contacts", mine="yes")) == ["P-one", "P-two"]
    assert patients(await browser.open("/", list="contacts", unassigned="yes")) == ["P-three"]


@pytest.mark.usefixtures("three")
async def test_a_file_has_the_rows_and_columns_of_the_list_as_it_is_filtered(browser: Browser) -> None:
    for name in ("contacts", "follow-ups"):
        page = await browser.open("/csv", list=name, facility="GOODHEALTH")
        assert page.answer.headers["content-type"].startswith("text/csv")
        title, *lines = page.text.removeprefix(MARK).splitlines()
        assert title.startswith("Patient,Facility,")
        listed = await browser.open("/", list=name, facility="GOODHEALTH")
        assert [line.split(",")[0] for line in lines] == patients(listed)
        assert len(lines) >= 2


async def test_a_list_of_many_asks_the_database_no_more_often_than_one_of_few(
    browser: Browser, database: Database, desk: Desk
) -> None:
    await take_in(database, document(COMPLETED))
    await leaves(database, "P-one")
    await move(desk, await a_referral(desk), "declined")
    await contact(desk, day(1), "no-answer")
    few = await statements(browser, database)
    await leaves(database, *(f"P{number:02}" for number in range(30)), hours=1)
    assert await statements(browser, database) == few
    assert max(few.values()) <= 6


async def statements(browser: Browser, database: Database) -> dict[str, int]:
    """Name of list → statements that its page sends."""
    await browser.open("/")
    found: dict[str, int] = {}
    for one in WORKLISTS:
        with counted(database) as sent:
            assert (await browser.open("/", list=one.name)).status == 200
        assert len([each for each in sent if "UNION ALL" in each and "count(*)" in each]) == 1, (
            "all counts by one query"
        )
        found[one.name] = len(sent)
    with counted(database) as sent:
        assert (await browser.open("/")).status == 200
    assert len(sent) <= len([one for one in WORKLISTS if one.first]) + 4, "one more for each list that is shown"
    return found


@pytest.mark.usefixtures("three")
async def test_times_are_told_in_the_reader_s_zone(browser: Browser) -> None:
    assert "EDT" in (await browser.open("/", list="contacts")).text
    browser.client.cookies.set(COOKIE, "America/Los_Angeles")
    page = await browser.open("/", list="contacts")
    assert "PDT" in page.text
    assert "EDT" not in page.text


def test_what_lists_can_be_asked_for_is_what_the_database_is_asked() -> None:
    asked: dict[str, Any] = PageQuestion._field_defaults
    assert {"down", "overdue", "of_people"} <= asked.keys()
    for one in WORKLISTS:
        assert set(one.table.filters) <= set(FLAGS)
        assert set(one.table.sorts) <= {"due"}
        assert ("overdue" in one.table.filters) <= (one.late is not None), one.name
