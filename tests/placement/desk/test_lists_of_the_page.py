"""The coordinators' page draws every worklist in words, with buttons that work; one more row is one more list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.placement.desk.openapi import document
from services.placement.desk.worklists import paths
from services.placement.gate.bases import ORDER
from services.placement.gate.tables import withheld
from services.placement.search.entry import STATES
from services.placement.worklists import work
from services.placement.worklists.care_drawing import NO_BASIS
from services.placement.worklists.drawing import DRAWN
from services.placement.worklists.lists import WORKLISTS, Worklist
from services.placement.worklists.work import EntriesOf
from shared.clock import SetClock
from tests.browsing import Browser
from tests.builders import discharged
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.stories import WHY, at_the_program, refused, says, ward_and_back
from tests.placement.desk.test_planning import PLAN

NEW = Worklist(
    name="declined-offers",
    of=EntriesOf("offer", ("declined",)),
    waits="Offers that a program declined",
    title="Offers declined",
    empty="No program declined.",
    late=work.unanswered,
)
CODES = re.compile(r"GH-[A-Z0-9]+|visit V\d|\d{4}-\d\d-\d\d|[a-z]+-[a-z]+-[a-z]+")


@pytest.fixture
def lists() -> Sequence[Worklist]:
    return (*WORKLISTS, NEW)


async def shown(browser: Browser, name: str) -> str:
    """What a coordinator reads of a list: its rows."""
    await browser.enter(token("coordinator"))
    page = await browser.open("/", list=name)
    assert page.status == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.text.split("<tbody>")[1].split('<td class="acts">')[0]).split())


async def test_one_row_more_in_the_table_is_in_the_api_in_its_counts_and_on_the_page(
    nobody: Browser, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    await desk.post(f"/api/offers/{offer}/declined", {"reason": "no-capacity"})
    counts = (await desk.get("/api/worklists")).json()["worklists"]
    assert counts[-1] == {"name": "declined-offers", "title": "Offers that a program declined", "count": 1}
    answer = (await desk.get("/api/worklists/declined-offers")).json()
    assert [one["id"] for one in answer["items"]] == [offer]
    told = await shown(nobody, "declined-offers")
    assert "Adult partial hospitalization" in told
    assert told.endswith("declined")
    first = await nobody.open("/")
    assert ">Offers declined <" in first.text
    assert "Offers that a program declined." in first.text
    [name, *_] = paths((*WORKLISTS, NEW))["/api/worklists/{name}"]["get"]["parameters"]
    assert name["schema"]["enum"][-1] == "declined-offers"


def test_every_list_has_a_name_of_its_own_a_drawing_and_states_that_there_are() -> None:
    names = [name for one in WORKLISTS for name in (one.name, *one.also)]
    assert len(names) == len(set(names))
    for one in WORKLISTS:
        assert one.waits or one.title
        assert one.of == "programs" or one.of.kind in DRAWN
        if isinstance(one.of, EntriesOf):
            assert set(one.of.states) <= {state for kind in (one.of.kind, *one.of.also) for state in STATES[kind]}
    assert set(NO_BASIS) == set(ORDER)
    assert document(())["paths"]["/api/worklists"]


async def test_of_offers_and_first_days_the_page_says_late_of_what_the_api_lists_as_late(
    nobody: Browser, desk: Desk, clock: SetClock
) -> None:
    await desk.leaves_the_ward("E1", "E2")
    await desk.offers("E1", "GH-PHP1")
    await desk.places("E2")
    await nobody.enter(token("coordinator"))
    clock.forward(timedelta(days=2, hours=18))
    counts = {one["name"]: one["count"] for one in (await desk.get("/api/worklists")).json()["worklists"]}
    assert (counts["offers-overdue"], counts["starts-due"]) == (1, 1)
    first = (await nobody.open("/")).text
    for title, words in (("Offers out", "1 time over"), ("First days", "1 overdue")):
        assert re.search(f'>{title} <span class="n"><b class="late" title="{words}">.*<span class="count">1<', first)
    assert "no answer for 2 days" in await shown(nobody, "offers")
    assert "1 day overdue" in await shown(nobody, "placed")


async def test_who_has_no_seat_is_on_the_page(nobody: Browser, desk: Desk) -> None:
    placement = await at_the_program(desk, program="GH-PHP-YOUTH")
    await says(desk, placement, "completed", date="2026-05-08", reason="goals-met")
    kept = {"episode_id": "E1", "program": "GH-PHP-YOUTH", "from": "2026-05-09T04:00:00Z"}
    kept |= {"until": "2026-06-30T00:00:00Z"}
    for _ in range(10):
        assert (await desk.post("/api/seats", kept)).status_code == 201
    await says(desk, placement, "end-withdrawn", **WHY)
    assert "has no seat" in await shown(nobody, "no-seat")


async def test_what_has_no_effect_and_what_contradicts_is_told_in_words_without_a_code(
    nobody: Browser, desk: Desk
) -> None:
    await ward_and_back(desk, attended=True)
    twice = discharged("2026-05-12 10:00", episode="E1", patient_id="patient-E1", visit="V7")
    await desk.feed.bring(replace(twice, sequence=4))
    idle = await shown(nobody, "ineffective")
    assert "Discharged (Inpatient) on Tue 12 May said by the hospital no such stay had begun no effect" in idle
    conflict = await shown(nobody, "conflicts")
    assert "admitted (Inpatient, 3W) on Fri 1 May, said by the hospital attended a session on Wed 6 May" in conflict
    assert CODES.findall(idle + conflict) == []
    labels = (await nobody.open("/", list="conflicts")).forms("Attended inside")
    assert CODES.findall(" ".join(labels)) == []
    assert len(labels) == 3
    assert (await nobody.open("/", list="ineffective")).forms("Discharged (Inpatient) on") == {}


async def test_an_authorization_that_ends_soon_says_when(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "units": 9, "from": DAY}
    for to in ("2026-05-13", "2026-05-14", "2026-05-18"):
        auth = (await desk.post("/api/authorizations", asked | {"to": to})).json()["auth_id"]
        await desk.post(f"/api/authorizations/{auth}/approved")
    await nobody.enter(token("coordinator"))
    listed = await nobody.open("/", list="authorizations-ending")
    told = sorted(re.findall("ends (?:today|tomorrow|in . days)", listed.text))
    assert told == ["ends in 5 days", "ends today", "ends tomorrow"]


async def test_a_plan_is_reviewed_on_the_page_and_is_gone_from_it(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    assert (await desk.post("/api/episodes/E1/plan", PLAN | {"review_due": DAY})).status_code == 200
    plan = await shown(nobody, "reviews-due")
    assert "Plan for partial hospitalization (PHP)" in plan
    assert "20 hours a week on 5 days 3 goals" in plan
    page = await nobody.open("/", list="reviews-due")
    assert (await nobody.opened(page, "Plan for", "Plan reviewed")).fields["hours_week"] == "20"
    done = await nobody.press(page, "Plan for", "Plan reviewed", review_due="2026-06-12", level="iop")
    assert done.notice == "The plan is recorded"
    assert "No plan waits for its review" in done.text


async def test_what_waits_for_a_consent_is_on_the_page_of_those_who_may_give_one(nobody: Browser, desk: Desk) -> None:
    waits = {
        "patient_id": "P", "facility": "GOODHEALTH", "fact_type": "care.discharged.v1", "labels": ["PSY"],
        "reason": "no-consent", "since": desk.clock(), "episode_id": "E1", "config": "c", "writer": "intake",
        "occurred_at": "2026-05-04T11:00:00Z", "place": 1, "content": b"{}", "recipient": "valley-clinic",
        "fact_id": "f-1",
    }  # fmt: skip
    async with desk.feed.database.begin() as connection:
        await connection.execute(sa.insert(withheld).values(waits))
    assert (
        "Discharged: waits for Valley Community Clinic (outpatient partner of Riverbend) "
        "since Mon 4 May, 08:00 EDT no consent" in await shown(nobody, "withheld")
    )
    await nobody.enter(token("clinician"))
    assert (await nobody.open("/", list="withheld")).status == 422


@pytest.mark.parametrize(("older", "title"), [("used-up", "Authorizations used up"), ("searches", "To be placed")])
async def test_an_address_that_the_page_had_before_leads_to_the_same_list(
    nobody: Browser, desk: Desk, older: str, title: str
) -> None:
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("coordinator"))
    assert f"<h1>{title}" in (await nobody.open("/", list=older)).text


async def test_a_start_that_was_told_without_effect_is_said_and_only_taken_back_or_corrected(
    nobody: Browser, desk: Desk
) -> None:
    placement = await ward_and_back(desk, attended=False)
    entry = (await desk.get(f"/api/placements/{placement}")).json()
    assert (entry["state"], entry["start_told"]) == ("placed", True)
    assert await refused(desk, placement, "start-missed") == (
        "started", "placed", ["started-corrected", "start-withdrawn"],
    )  # fmt: skip
    await nobody.enter(token("program"))
    page = await nobody.open("/", list="placed")
    assert "said to have begun, which has no effect" in page.text
    assert page.forms("Adult partial").keys() - {"Take"} == {"Correct the first day", "Did not start"}
    done = await nobody.press(page, "Adult partial", "Did not start", reason="did-not-come")
    assert done.status == 200
    left = (await desk.get(f"/api/placements/{placement}")).json()
    assert (left["state"], "start_told" in left) == ("cancelled", False), "who never left the ward is placed nowhere"
    assert "Nobody is about to start." in (await nobody.open("/", list="placed")).text
