"""The sheet of a program's day: who is expected, who is away, what ends, what is to be looked at, what is open."""

from __future__ import annotations

import re

from bench.statements import counted
from shared.storage.database import Database
from tests.browsing import Browser
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.stories import at_the_program, says
from tests.placement.desk.test_planning import PLAN

SHEET = "/programs/GH-PHP1/today"


def parts(text: str) -> dict[str, tuple[list[str], str]]:
    """Title of a part → the patients that it names, and its words."""
    found = {}
    for section in re.findall(r"<section>(.*?)</section>", text, re.DOTALL):
        title = re.search(r"<h2>([^<]*) <", section)
        assert title
        words = " ".join(re.sub(r"<[^>]+>", " ", section.partition("</h2>")[2]).split())
        found[title[1]] = (re.findall(r'data-patient="patient-([^"]+)"', section), words)
    return found


async def test_the_sheet_says_who_comes_who_is_away_and_what_is_open(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    await desk.leaves_the_ward("E2", "E3")
    await desk.places("E2", start_date=str(desk.clock().date()))
    await desk.offers("E3", "GH-PHP1")
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "units": 9, "from": DAY}
    auth = (await desk.post("/api/authorizations", asked | {"to": "2026-05-15"})).json()["auth_id"]
    await desk.post(f"/api/authorizations/{auth}/approved")
    assert (await desk.post("/api/episodes/E1/plan", PLAN | {"review_due": DAY})).status_code == 200
    await nobody.enter(token("program", ("GOODHEALTH",)))
    page = await nobody.open(SHEET)
    assert page.status == 200, page.text
    told = parts(page.text)
    assert told["First days"][0] == ["E2"]
    assert told["Expected today"][0] == ["E1"]
    assert told["Authorizations that end"] == (["E1"], "Patient …t-E1 ends Fri 15 May")
    assert told["Plans to review"][0] == ["E1"]
    assert told["Open"] == (["E3"], "Patient …t-E3 offer waits for an answer")
    assert "Nobody is away." in told["Absent or on leave"][1]
    assert re.search(r"\d+ seats? free", page.text)


async def test_who_is_absent_or_on_leave_is_not_expected(nobody: Browser, desk: Desk) -> None:
    placement = await at_the_program(desk)
    today = str(desk.clock().date())
    body = {"placement_id": placement, "session_id": "s-today", "date": today, "absent": "excused"}
    assert (await desk.post("/api/sessions", body)).status_code == 201
    await nobody.enter(token("program", ("GOODHEALTH",)))
    told = parts((await nobody.open(SHEET)).text)
    assert told["Absent or on leave"] == (["E1"], "Patient …t-E1 absent: excused")
    assert told["Expected today"][0] == []
    await says(desk, placement, "leave-started", at=desk.clock().isoformat(), kind="other")
    assert parts((await nobody.open(SHEET)).text)["Absent or on leave"] == (["E1"], "Patient …t-E1 on leave")


async def test_another_facility_s_program_has_no_sheet_here(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    await nobody.enter(token("program", ("RIVERBEND",)))
    assert (await nobody.open(SHEET)).status == 404
    assert (await nobody.open("/programs/NOWHERE/today")).status == 404
    await nobody.enter(token("hospital"))
    assert (await nobody.open(SHEET)).status == 403


async def test_a_sheet_of_many_asks_the_database_no_more_often(nobody: Browser, desk: Desk, database: Database) -> None:
    await at_the_program(desk)
    await nobody.enter(token("program"))
    with counted(database) as few:
        await nobody.open(SHEET)
    await desk.leaves_the_ward("E2", "E3", "E4")
    for episode in ("E2", "E3", "E4"):
        await desk.places(episode)
    with counted(database) as more:
        await nobody.open(SHEET)
    assert len(more) == len(few)


async def test_the_list_of_seats_leads_to_each_program_s_sheet(nobody: Browser, desk: Desk) -> None:
    await nobody.enter(token("coordinator"))
    page = await nobody.open("/", list="seats")
    assert f'href="{SHEET}"' in page.text
    assert desk
