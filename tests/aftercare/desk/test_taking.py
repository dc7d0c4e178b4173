"""Somebody is on it, at the follow-up desk: contacts to make and windows are taken, snoozed, exported, ticked."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.aftercare.desk.live import live_pages
from shared.storage.database import Database
from shared.storage.desk_tables import exits
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.aftercare.builders import LEFT, document, inpatient, stay
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, move
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.desk.test_page import browser, clock, lists, nobody
from tests.aftercare.test_handlers import take_in
from tests.browsing import Browser, Page
from tests.streams import listens, opened, served
from tests.waiting import until

__all__ = ["browser", "clock", "lists", "nobody"]


async def work(desk: Desk, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.get(f"/api/worklists/{name}")).json()["items"]
    return found


def patients(page: Page) -> list[str]:
    return re.findall(r'data-patient="([^"]+)"', page.text)


@pytest.fixture
async def two(database: Database) -> None:
    """Two patients in aftercare, at two facilities, and one who left the ward."""
    began = LEFT - timedelta(days=30)
    there = stay("iop", began, LEFT, id="P2", how="completed", reason="goals-met", facility="RIVERBEND")
    await take_in(
        database,
        document(COMPLETED),
        document(there, episode_id="E2", patient_id="P2"),
        document(inpatient(), episode_id="E3", patient_id="P3"),
    )


@pytest.mark.usefixtures("completed")
async def test_a_referral_is_taken_and_nobody_s_again_when_it_moves_on(desk: Desk) -> None:
    referral = await a_referral(desk)
    answer = await desk.post(f"/api/worklists/referrals/{referral}/taken", roles=("clinician",))
    assert answer.status_code == 200, answer.text
    mine = answer.json()["taken_by"]
    assert [one["taken_by"] for one in await work(desk, "referrals") if one["id"] == referral] == [mine]
    other = await desk.post(f"/api/worklists/referrals/{referral}/taken")
    if other.status_code == 409:
        assert f"{mine} has it since" in other.json()["detail"]
    await move(desk, referral, "received")
    assert [one.get("taken_by") for one in await work(desk, "referrals") if one["id"] == referral] == [None]


@pytest.mark.usefixtures("two")
async def test_a_contact_that_is_snoozed_leaves_the_list_and_stands_under_a_filter(
    browser: Browser, desk: Desk
) -> None:
    page = await browser.open("/", list="contacts")
    before = patients(page)
    assert len(before) >= 2
    [plan] = [one["id"] for one in await work(desk, "contacts") if one["patient_id"] == before[0]]
    sent = {"do": "snooze", "until": str(desk.clock().date().replace(day=28)), "why": "called-back-later"}
    done = await browser.send(page, page.frame["Take"], **sent, **{f"row.{plan}": "1"})
    assert done.notice == "Snoozed: it comes back to the list by itself", done.text
    assert patients(done) == before[1:]
    assert f"<title>Contacts to make ({len(before) - 1})" in done.text
    out = await browser.open("/", list="contacts", snoozed="yes")
    assert patients(out) == before[:1]
    assert "called back later" in out.text
    back = await browser.send(out, out.frame["Back to the list"], do="wake", **{f"row.{plan}": "1"})
    assert patients(back) == []
    assert patients(await browser.open("/", list="contacts")) == before


@pytest.mark.usefixtures("two")
async def test_a_window_is_taken_and_is_mine_and_another_facility_does_not_see_it(browser: Browser, desk: Desk) -> None:
    [window] = [one["follow_up_id"] for one in await work(desk, "follow-ups")][:1]
    page = await browser.open("/", list="follow-ups")
    taken = await browser.send(page, page.frame["Take"], do=f"take:{window}")
    assert taken.notice == "Taken: others see that you have it"
    assert len(patients(await browser.open("/", list="follow-ups", mine="yes"))) == 1
    elsewhere = await desk.post(f"/api/worklists/follow-ups/{window}/taken", facilities=("RIVERBEND",))
    assert elsewhere.status_code == 404
    await browser.enter(token("auditor"))
    page = await browser.open("/", list="follow-ups")
    assert "Take" not in page.frame
    refused = await browser.send(page, page.frame["Save as CSV"], do=f"take:{window}")
    assert refused.status == 403


@pytest.mark.usefixtures("two")
async def test_a_list_is_a_file_and_the_ledger_says_so(browser: Browser, database: Database) -> None:
    page = await browser.open("/csv", list="contacts", facility="RIVERBEND")
    title, *rows = csv.reader(io.StringIO(page.text.removeprefix("\N{BYTE ORDER MARK}"), newline=""))
    assert title[:2] == ["Patient", "Facility"]
    assert [row[:2] for row in rows] == [["P2", "RIVERBEND"]]
    async with database.read() as connection:
        [row] = (await connection.execute(sa.select(exits))).all()
    assert (row.what, row.entries, row.facilities) == ("contacts", 1, ["RIVERBEND"])


@pytest.mark.usefixtures("completed")
async def test_open_pages_hear_that_somebody_took_something(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    pages = live_pages(database)
    app = web_app(title="aftercare", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=_ready, routes=[pages.route()])
    async with served(app, pages) as address:
        bearer = {"authorization": f"Bearer {token('coordinator', facilities=('*',))}"}
        async with opened(address, bearer) as here:
            await listens(pages)
            await desk.post(f"/api/worklists/referrals/{referral}/taken")
            await until(lambda: "referrals" in here.lists, 5.0)
            assert here.patients == {"P1"}
