"""A list of the coordinators' desk as a table: its order, filters, columns and pages, and what the counts say."""

from __future__ import annotations

import asyncio
import html
import re

import pytest

from bench.statements import counted
from services.placement.desk.page.desk import WRITES
from services.placement.desk.page.wording import CONFIRM, LABELS
from services.placement.worklists.lists import WORKLISTS
from services.placement.worklists.work import FILTERS, ORDERS
from shared.clock import SetClock
from shared.storage import desk_people
from shared.storage.database import Database
from shared.storage.desk_people import Person
from shared.web.zones import COOKIE
from tests.browsing import Browser, Page
from tests.placement.desk.conftest import Desk, token


@pytest.fixture
async def browser(nobody: Browser, desk: Desk) -> Browser:
    """A coordinator of every facility, and three patients who left the ward on three days."""
    await desk.leaves_the_ward("E1", left="2026-05-04 07:00")
    await desk.leaves_the_ward("E2", left="2026-05-02 07:00")
    await desk.leaves_the_ward("E3", left="2026-05-03 07:00", facility="RIVERBEND")
    await nobody.enter(token("coordinator"))
    return nobody


def patients(page: Page) -> list[str]:
    """The patients of a page's rows, in their order."""
    return re.findall(r'data-patient="patient-([^"]+)"', page.text)


async def test_who_waits_longest_comes_first_and_the_other_way_round_where_it_is_asked_for(browser: Browser) -> None:
    first = await browser.open("/", list="searches-open")
    assert patients(first) == ["E2", "E3", "E1"]
    assert 'aria-sort="ascending"' in first.text
    [other] = re.findall(r'<th scope="col" aria-sort="ascending"><a href="([^"]+)"', first.text)
    turned = await browser.follow(html.unescape(other))
    assert patients(turned) == ["E1", "E3", "E2"]
    assert 'aria-sort="descending"' in turned.text


async def test_a_filter_narrows_rows_and_the_count_in_title_and_heading(browser: Browser, desk: Desk) -> None:
    search = (await desk.search("E2"))["search_id"]
    await desk.post(f"/api/searches/{search}/needs", {"payer": "MEDICAID"})
    found = await browser.open("/", list="searches-open", payer="MEDICAID", level="php")
    assert patients(found) == ["E2"]
    assert "<title>To be placed (1) · Stepdown</title>" in found.text
    assert '>To be placed <span class="n"><span class="count">3<' in found.text, "the rail says what is there in all"
    nobody_found = await browser.open("/", list="searches-open", level="iop")
    assert patients(nobody_found) == []
    assert "Nothing is found by these filters." in nobody_found.text
    here = await browser.open("/", list="searches-open", facility="RIVERBEND")
    assert patients(here) == ["E3"]
    assert '>To be placed <span class="n"><span class="count">1<' in here.text, "a facility is chosen for all lists"


async def test_what_is_overdue_is_as_many_as_the_rail_says(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await desk.offers("E1", "GH-PHP1")
    clock.at = clock().replace(day=8)
    await desk.offers("E2", "GH-PHP1", start_date="2026-05-11")
    late = await browser.open("/", list="offers", overdue="yes")
    assert patients(late) == ["E1"]
    assert '<b class="late" title="1 time over">' in late.text
    assert patients(await browser.open("/", list="offers")) == ["E1", "E2"]


async def test_pages_go_forward_and_back_and_say_where_they_are(browser: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward(*(f"P{n:02}" for n in range(57)), left="2026-05-01 07:00")
    page, seen, said = await browser.open("/", list="searches-open"), list[str](), list[str]()
    while True:
        seen += patients(page)
        said += re.findall(r"<span>([^<]* of [^<]*)</span>", page.text)
        following = re.search(r'<a rel="next" href="([^"]+)"', page.text)
        if following is None:
            break
        page = await browser.follow(html.unescape(following[1]))
    assert said == ["1–25 of 60", "26–50 of 60", "51–60 of 60"]
    assert len(seen) == len(set(seen)) == 60
    for place in ("26–50 of 60", "1–25 of 60"):
        before = re.search(r'<a rel="prev" href="([^"]+)"', page.text)
        assert before
        page = await browser.follow(html.unescape(before[1]))
        assert place in page.text
    assert patients(page) == seen[:25]


async def test_a_reader_chooses_columns_and_how_dense_rows_are(browser: Browser) -> None:
    usual = await browser.open("/", list="searches-open")
    assert {"levels", "waiting", "stands"} <= usual.cells("nobody asked yet").keys()
    assert '<div id="list" class="dense"' in usual.text
    chosen = await browser.open("/", list="searches-open", columns="payer,levels", density="roomy")
    assert {"stands", "waiting"} & chosen.cells("Inpatient").keys() == set()
    assert '<div id="list" class="roomy"' in chosen.text


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "name"}, {"columns": "waiting,waiting"}, {"columns": "secret"}, {"level": "spa"},
        {"program": "GH-PHP1"},
        {"overdue": "no"}, {"density": "none"}, {"cursor": "x"}, {"before": "x"}, {"page": "2"},
    ],
    ids=str,
)  # fmt: skip
async def test_what_a_list_does_not_have_is_refused_in_words(browser: Browser, query: dict[str, str]) -> None:
    page = await browser.open("/", list="searches-open", **query)
    assert page.status == 422
    assert "This address is none of ours" in page.text
    assert (await browser.open("/", level="php")).status == 422, "there is no list that it would narrow"


async def test_every_column_of_the_seats_says_something(browser: Browser, desk: Desk) -> None:
    await desk.places("E1", start_date="2026-05-04")
    told = (await browser.open("/", list="seats")).cells("Adult partial")
    assert (told["levels"], told["waiting"]) == ("PHP", "19 free")
    assert "1 of 20 seats taken" in told["seats"]
    assert told["what"].startswith("30 hours a week")


async def test_a_closed_search_says_what_came_of_it_once(browser: Browser, desk: Desk) -> None:
    search = (await desk.search("E1"))["search_id"]
    closed = await desk.post(f"/api/searches/{search}/closed", {"reason": "lost-contact"})
    assert closed.status_code == 200
    told = (await browser.open("/", list="closed")).cells("closed: lost contact")
    assert told["stands"].startswith("nobody was asked")
    assert "lost contact" not in told["stands"]


async def test_a_list_of_many_asks_the_database_no_more_often_than_one_of_few(
    browser: Browser, desk: Desk, database: Database
) -> None:
    await browser.open("/")  # who opens the first page is written down once
    with counted(database) as few:
        await browser.open("/", list="searches-open")
    await desk.leaves_the_ward(*(f"P{n:02}" for n in range(30)), left="2026-05-01 07:00")
    with counted(database) as many:
        page = await browser.open("/", list="searches-open")
    assert len(patients(page)) == 25
    assert len(many) == len(few)
    assert len([each for each in few if "UNION ALL" in each and "count(*)" in each]) == 1, "all counts by one query"


async def test_no_list_asks_the_database_more_than_six_times(
    browser: Browser, desk: Desk, database: Database, clock: SetClock
) -> None:
    [offer] = await desk.offers("E1", "GH-PHP1")
    await desk.offers("E2", "GH-PHP1")
    day = {"start_date": "2026-05-08", "reason": "staffing"}
    assert (await desk.post(f"/api/offers/{offer}/countered", day, role="program")).status_code == 200
    await desk.places("E3", "RB-PHP")
    clock.at = clock().replace(day=20)
    await browser.open("/")
    for one in WORKLISTS:
        if one.title:
            with counted(database) as sent:
                assert (await browser.open("/", list=one.name)).status == 200
            assert len(sent) <= 6, one.name
    with counted(database) as sent:
        page = await browser.open("/")
    assert len(set(patients(page))) == 3
    assert len(sent) <= 11, "few more for many lists"


async def test_two_pages_of_one_person_at_once_do_not_wait_for_each_other(
    browser: Browser, database: Database, clock: SetClock
) -> None:
    await browser.open("/")
    reader = Person("a-coordinator", "", frozenset({"coordinator"}), frozenset({"*"}))
    async with database.begin() as one, database.begin() as other, asyncio.timeout(10):
        for each in (one, other):
            assert reader.subject in (await desk_people.at_work(each, reader, clock())).people


async def test_a_form_is_opened_below_its_row_and_says_what_it_does_before(browser: Browser, desk: Desk) -> None:
    await desk.offers("E1", "GH-PHP1")
    page = await browser.open("/", list="offers")
    assert '<tr class="form">' not in page.text
    link = page.forms("Adult partial")["Withdraw"].link
    assert "E1" not in link
    opened = await browser.follow(html.unescape(link))
    assert opened.text.count('<tr class="form">') == 1
    assert "The program is told that the offer stands no more." in opened.text
    done = await browser.press(page, "Adult partial", "Withdraw", reason="sent-in-error")
    assert done.notice == "The offer is withdrawn"
    gone = await browser.follow(html.unescape(link))
    assert '<tr class="form">' not in gone.text, "what is not possible any more is not opened"


async def test_every_button_says_for_whom_it_is(browser: Browser) -> None:
    page = await browser.open("/", list="searches-open")
    named = re.findall(r'id="([^"]+)"[^>]* aria-labelledby="([^"]+) ([^"]+)"', page.text)
    assert named
    assert all(own == first for own, first, _ in named)
    assert all(f'id="{whom}"' in page.text for _, _, whom in named)


async def test_times_are_told_and_typed_in_the_reader_s_zone(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await desk.offers("E1", "GH-PHP1")
    assert "Mon 4 May, 08:00 EDT" in (await browser.open("/", list="offers")).text
    browser.client.cookies.set(COOKIE, "America/Los_Angeles")
    page = await browser.open("/", list="offers")
    assert "Mon 4 May, 05:00 PDT" in page.text
    typed = {"date": "2026-05-07", "reason": "staffing", "expires_at": "2026-05-05T09:00"}
    form = await browser.opened(page, "Adult partial", "Another day")
    assert form.fields["form_zone"] == "America/Los_Angeles"
    done = await browser.send(page, form, **{name: value for name, value in typed.items() if name in form.fields})
    assert done.notice == "The program's day is noted"
    browser.client.cookies.set(COOKIE, "Nowhere/At_All")
    assert "EDT" in (await browser.open("/", list="countered")).text


async def test_the_rail_is_a_part_of_its_own_for_other_pages(browser: Browser, nobody: Browser) -> None:
    part = await browser.open("/rail")
    assert "<html" not in part.text
    assert '>To be placed <span class="n"><span class="count">3<' in part.text
    await nobody.enter(token("hospital"))
    assert ((await nobody.open("/rail")).status, (await nobody.open("/rail")).text) == (204, "")


async def test_a_page_that_there_is_not_and_one_for_another_role_say_what_to_do(browser: Browser) -> None:
    assert "There is nothing here that you may see" in (await browser.open("/", search="nobody's")).text
    await browser.enter(token("hospital"))
    page = await browser.open("/")
    assert page.status == 403
    assert "This page is not for your role" in page.text


def test_what_lists_can_be_asked_for_is_what_the_database_is_asked() -> None:
    for one in WORKLISTS:
        assert set(one.table.filters) <= {*FILTERS, "overdue"}
        assert one.of == "programs" or set(one.table.sorts) <= set(ORDERS)
        assert ("overdue" in one.table.filters) <= (one.late is not None)
    assert set(CONFIRM) <= set(LABELS) & {write.path for write in WRITES}
