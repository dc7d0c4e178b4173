"""A list as a file for a spreadsheet, and lists as a person likes to see them."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from shared.storage.database import Database
from shared.storage.desk_tables import exits
from shared.storage.saved_views import MOST
from shared.storage.tables import audit
from shared.web import csv_lists
from shared.web.csv_lists import BOM, guarded
from tests.browsing import Browser, Page
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.test_tables import patients


@pytest.fixture
async def browser(nobody: Browser, desk: Desk) -> Browser:
    """A coordinator of every facility, and three patients who left the ward."""
    await desk.leaves_the_ward("E1", left="2026-05-04 07:00")
    await desk.leaves_the_ward("E2", left="2026-05-02 07:00")
    await desk.leaves_the_ward("E3", left="2026-05-03 07:00", facility="RIVERBEND")
    await nobody.enter(token("coordinator"))
    return nobody


def lines(page: Page) -> list[list[str]]:
    assert page.status == 200, page.text
    assert page.text.startswith(BOM)
    return list(csv.reader(io.StringIO(page.text.removeprefix(BOM), newline="")))


async def test_the_file_has_the_rows_and_columns_of_the_list_as_it_is_filtered(browser: Browser) -> None:
    page = await browser.open("/csv", list="searches-open")
    title, *rows = lines(page)
    assert title[:4] == ["Patient", "Facility", "Who", "From → to"]
    assert [row[:2] for row in rows] == [
        ["patient-E2", "GOODHEALTH"], ["patient-E3", "RIVERBEND"], ["patient-E1", "GOODHEALTH"],
    ]  # fmt: skip
    assert page.answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert page.answer.headers["content-disposition"] == 'attachment; filename="searches-open-2026-05-04.csv"'
    some = lines(
        await browser.open("/csv", list="searches-open", facility="RIVERBEND", columns="payer", sort="-waiting")
    )
    assert [row[0] for row in some] == ["Patient", "patient-E3"]
    assert some[0] == ["Patient", "Facility", "Payer"]
    assert len(lines(await browser.open("/csv", list="seats"))) > 3
    assert (await browser.open("/csv")).status == 422


async def test_a_ledger_says_who_took_which_list_out_and_no_value(browser: Browser, database: Database) -> None:
    await browser.open("/csv", list="searches-open")
    async with database.read() as connection:
        [row] = (await connection.execute(sa.select(exits))).all()
        query = sa.select(audit.c.subject, audit.c["count"]).where(audit.c.action == "exported")
        told = [tuple(each) for each in (await connection.execute(query)).all()]
    assert (row.actor, row.way, row.what, row.entries, row.facilities) == (
        "a-coordinator", "export", "searches-open", 3, ["*"],
    )  # fmt: skip
    assert (row.basis, row.purpose) == ("within-entity", "operations")
    assert told == [("searches-open", 3)]
    assert "E1" not in str(row)


@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("admin", 200), ("program", 403), ("clinician", 403)])
async def test_who_may_take_a_list_out(
    browser: Browser, desk: Desk, database: Database, role: str, status: int
) -> None:
    await browser.enter(token(role, ("RIVERBEND",)))
    page = await browser.open("/csv", list="waiting")
    assert page.status == status
    assert ("/csv?" in (await browser.open("/", list="waiting")).text) == (status == 200)
    async with database.read() as connection:
        found = (await connection.execute(sa.select(exits.c.facilities))).scalars().all()
    assert found == ([["RIVERBEND"]] if status == 200 else [])
    assert desk


async def test_another_facility_s_rows_are_in_no_file(browser: Browser) -> None:
    await browser.enter(token("coordinator", ("RIVERBEND",)))
    assert [row[0] for row in lines(await browser.open("/csv", list="searches-open"))[1:]] == ["patient-E3"]


async def test_ticked_rows_are_a_file_of_their_own(browser: Browser, desk: Desk) -> None:
    search = (await desk.search("E2"))["search_id"]
    page = await browser.open("/", list="searches-open")
    made = await browser.send(page, page.frame["Take"], do="export", **{f"row.{search}": "1"})
    assert [row[0] for row in lines(made)[1:]] == ["patient-E2"]


async def test_a_long_file_is_read_in_parts_and_says_where_it_is_cut(
    browser: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.leaves_the_ward(*(f"P{n:02}" for n in range(7)), left="2026-05-01 07:00")
    monkeypatch.setattr(csv_lists, "AT_ONCE", 3)
    whole = lines(await browser.open("/csv", list="searches-open"))
    assert len({row[0] for row in whole[1:]}) == 10
    monkeypatch.setattr(csv_lists, "MOST", 4)
    cut = lines(await browser.open("/csv", list="searches-open"))
    assert [len(cut), cut[-1]] == [6, ["Only the first 4 of 10 rows are here."]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert guarded(f"a{text}") == f"a{text}"


async def test_a_view_is_saved_under_a_name_shown_in_the_rail_and_deleted(browser: Browser) -> None:
    page = await browser.open("/", list="searches-open", facility="RIVERBEND", mine="yes", cursor="")
    saved = await browser.send(page, page.frame["Save this view"], name="Riverbend, mine")
    assert saved.notice == "The view is saved: it is in the rail"
    assert saved.address == "/?list=searches-open&facility=RIVERBEND&mine=yes"
    first = await browser.open("/")
    assert 'href="/?list=searches-open&amp;facility=RIVERBEND&amp;mine=yes">Riverbend, mine</a>' in first.text
    assert "Riverbend, mine" in (await browser.open("/rail")).text
    again = await browser.open("/", list="searches-open", sort="-waiting")
    await browser.send(again, again.frame["Save this view"], name="Riverbend, mine")
    there = (await browser.open("/", list="searches-open")).text
    assert "sort=-waiting" in there.partition("Riverbend, mine")[0].rpartition("<li")[2], "the same name again"
    await browser.enter(token("clinician"))
    other = await browser.open("/", list="searches-open")
    assert "Riverbend, mine" not in other.text, "views are of one person"
    await browser.enter(token("coordinator"))
    page = await browser.open("/", list="searches-open")
    gone = await browser.send(page, page.frame["Delete “Riverbend, mine”"])
    assert gone.notice == "The view is deleted"
    assert "Riverbend, mine" not in gone.text


async def test_a_view_of_somebody_else_is_not_there_to_be_deleted(browser: Browser) -> None:
    page = await browser.open("/", list="searches-open")
    saved = await browser.send(page, page.frame["Save this view"], name="Mine")
    form = saved.frame["Delete “Mine”"]
    await browser.enter(token("clinician"))
    page = await browser.open("/", list="searches-open")
    assert (await browser.send(page, form)).status == 404


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\x07b", "a\nb"])
async def test_a_view_s_name_is_short_and_prints(browser: Browser, name: str) -> None:
    page = await browser.open("/", list="searches-open")
    assert (await browser.send(page, page.frame["Save this view"], name=name)).status == 422


async def test_a_view_keeps_codes_of_the_list_alone_and_there_are_twenty_at_most(browser: Browser) -> None:
    page = await browser.open("/", list="searches-open")
    form = page.frame["Save this view"]
    for back in ("list=searches-open&level=Smith", "list=searches-open&name=Smith", "search=S"):
        refused = await browser.send(page, form, form_back=back, name="x")
        assert refused.status == 422
        assert "Smith" not in refused.text
    for number in range(MOST):
        await browser.send(page, form, name=f"View {number}")
    assert (await browser.send(page, form, name="One more")).status == 409
    assert (await browser.send(page, form, name="View 1")).status == 200, "one that is there is saved anew"


async def test_several_programs_are_asked_at_once_with_one_first_day(browser: Browser, desk: Desk) -> None:
    search = (await desk.search("E1"))["search_id"]
    page = await browser.open("/", search=search)
    form = page.frame["Send offers"]
    asked = ("GH-PHP1", "RB-PHP")
    there = [each for each in asked if f'name="row.{each}"' in page.text]
    assert there
    ticks = {f"row.{each}": "1" for each in there}
    done = await browser.send(page, form, do="offer", start_date="2026-05-06", **ticks)
    assert done.notice == "The offer is sent"
    sent = await desk.listed("offers", episode_id="E1")
    assert {(one["program"], one["start_date"]) for one in sent} == {(each, "2026-05-06") for each in there}
    assert f'name="row.{there[0]}"' not in done.text, "who was asked is not asked again"
    assert patients(done)


async def test_what_programs_cannot_be_asked_is_said_and_the_others_are(browser: Browser, desk: Desk) -> None:
    search = (await desk.search("E1"))["search_id"]
    page = await browser.open("/", search=search)
    form = page.frame["Send offers"]
    ticks = {"row.GH-PHP1": "1", "row.GH-IOP1": "1", "row.NOWHERE": "1"}
    done = await browser.send(page, form, do="offer", start_date="2026-05-06", **ticks)
    told = " ".join(done.text.partition('<ul class="notice bad failed">')[2].partition("</ul>")[0].split())
    assert "NOWHERE:" in told
    assert {one["program"] for one in await desk.listed("offers", episode_id="E1")} >= {"GH-PHP1"}
