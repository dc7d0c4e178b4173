"""An episode of two facilities: each sees its own part, and of the other's what was lent to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from shared.facts.envelope import Fact
from shared.storage.database import Database
from tests.builders import a_story, admitted, discharged, follow_up, visit_started
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.scoping import (
    HERE,
    THERE,
    Case,
    done,
    ids_of,
    leaks,
    leave_a_disclosure,
    of_the_ward,
    secrets_of,
    tried,
)
from tests.scoping import Tried


@pytest.fixture
async def both(desk: Desk, database: Database) -> str:
    """One episode of two facilities: the ward at GOODHEALTH, the program at RIVERBEND, then GOODHEALTH's emergency; the
    placement."""
    story = a_story(
        *of_the_ward("E1", "GOODHEALTH"),
        follow_up(episode="E1", facility="GOODHEALTH", patient_id="patient-E1", id_of="ghsecret-window", discharge="x"),
    )
    await desk.feed.bring(*story)
    search = (await desk.search("E1"))["id"]
    away: dict[str, Any] = {"facilities": THERE}
    asked = {"search_id": search, "program": "GH-PHP1"}
    done(await desk.post("/api/waitlist", asked, facilities=HERE))
    begin = {"from": f"{DAY}T10:00:00Z", "until": f"{DAY}T11:00:00Z"}
    done(await desk.post("/api/seats", {"episode_id": "E1", "program": "GH-PHP1", **begin}, facilities=HERE))
    terms = {
        "payer": "ACME",
        "level": "php",
        "unit": "day",
        "from": DAY,
        "to": "2026-05-20",
        "number": "ghsecret-number",
    }
    done(await desk.post("/api/authorizations", {"episode_id": "E1", **terms}, facilities=HERE))
    placement = await desk.places("E1", "RB-PHP")
    desk.clock.forward(timedelta(days=9))
    done(await desk.post(f"/api/placements/{placement}/started", {"date": DAY}, **away))
    session = {"placement_id": placement, "session_id": "rbsecret-session", "date": DAY}
    done(await desk.post("/api/sessions", {**session, "services": [{"kind": "group", "minutes": 60}]}, **away))
    diagnosis = {"system": "I10", "code": "rbsecret-late"}
    done(await desk.post(f"/api/placements/{placement}/diagnosed", diagnosis, **away))
    plan = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 1, "review_due": DAY}
    done(await desk.post("/api/episodes/E1/plan", plan, **away))
    terms = {**terms, "number": "rbsecret-number", "payer": "MEDICAID"}
    done(await desk.post("/api/authorizations", {"episode_id": "E1", **terms}, **away))
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": ("SUD",)}
    visit = {"visit": "ghsecret-ed", "unit": "ghsecret-unit", "patient": {"mrn": "ghsecret-mrn"}, **named}
    later = visit_started("2026-05-14 20:00", **visit)
    await desk.feed.bring(*_go_on([later], await desk.feed.row("E1")))
    await leave_a_disclosure(database, "E1", "GOODHEALTH")
    return placement


async def readmitted(desk: Desk) -> None:
    """GOODHEALTH tells late that the patient was in its ward when RIVERBEND says that the patient came to it."""
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": ("SUD",), "visit": "ghsecret-again"}
    again = admitted("2026-05-05 20:00", unit="ghsecret-unit", patient={"mrn": "ghsecret-mrn"}, **named)
    left = discharged("2026-05-08 12:00", **named)
    await desk.feed.bring(*_go_on([again, left], await desk.feed.row("E1")))


def _go_on(more: list[Fact], row: Any) -> list[Fact]:
    """Facts that go on where the episode stands."""
    last = dict(row.seen)
    found = []
    for one in more:
        last[one.writer] = last.get(one.writer, 0) + 1
        found.append(replace(one, sequence=last[one.writer], id=f"ghsecret-{one.id}"))
    return found


async def test_who_has_a_patient_by_a_placement_sees_its_own_part_and_nothing_of_the_others(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database, both: str
) -> None:
    await readmitted(desk)
    ids = await ids_of(desk, "E1")
    case = Case(ids, await secrets_of(database, "E1", "GOODHEALTH", set()) | {"PART2", "SUD", "inpatient", "emergency"})
    found = await leaks(http, app, case, THERE, writes=False)
    of_programs = ("/api/programs", " /board ", "/capacity ", "/fhir/HealthcareService", "/fhir/Location")
    assert [each for each in found if not any(words in each for words in of_programs)] == []
    told = (await desk.get("/api/episodes/E1", facilities=THERE)).json()
    assert (told["episode"]["state"], told["episode"]["level"], told["episode"]["conflicts"]) == ("active", "php", 0)
    assert [stay["program"] for stay in told["episode"]["stays"]] == ["RB-PHP"]
    assert {one["value"]["facility"] for one in told["facts"]} == {"RIVERBEND"}
    assert [(one["facility"], one["level"]) for one in told["periods"]] == [("RIVERBEND", "php")]
    assert told["periods"][0]["period_id"]
    [line] = (await desk.get("/api/episodes", {"level": "php"}, facilities=THERE)).json()["episodes"]
    assert (line["facility"], line["state"], line["level"]) == ("RIVERBEND", "active", "php")
    assert (await desk.get("/api/episodes", {"state": "closed"}, facilities=THERE)).json()["episodes"] == []


@pytest.mark.usefixtures("both")
async def test_the_page_offers_what_the_reader_may_do_there(http: httpx.AsyncClient) -> None:
    for facilities, there in ((HERE, False), (THERE, True)):
        text = (await tried(http, Tried("coordinator", "GET", "/", {"list": "started"}), facilities)).text
        assert (facilities, "RB-PHP" in text or "Riverbend" in text, ">Completed<" in text) == (
            facilities, True, there,
        )  # fmt: skip


async def test_a_conflict_over_two_facilities_is_shown_to_who_holds_both(desk: Desk, both: str) -> None:
    await readmitted(desk)
    for facilities, number in ((HERE, 0), (THERE, 0), ((*HERE, *THERE), 1), (("*",), 1)):
        found = (await desk.get("/api/conflicts", facilities=facilities)).json()["conflicts"]
        assert (facilities, len(found)) == (facilities, number)
        counts = (await desk.get("/api/worklists", facilities=facilities)).json()["worklists"]
        assert next(one["count"] for one in counts if one["name"] == "conflicts") == number


async def test_what_somebody_says_of_a_shared_episode_is_said_at_their_own_facility(desk: Desk, both: str) -> None:
    for facilities in (HERE, THERE):
        done(await desk.post("/api/episodes/E1/assigned", {"user_id": "u", "role": "therapist"}, facilities=facilities))
    facts_ = (await desk.get("/api/episodes/E1")).json()["facts"]
    said = [one["value"]["facility"] for one in facts_ if one["type"] == "care.assigned.v1"]
    assert sorted(said) == ["GOODHEALTH", "RIVERBEND"]
    plans = [(await desk.get("/api/worklists/reviews-due", facilities=each)).json()["items"] for each in (HERE, THERE)]
    assert [[one["facility"] for one in each] for each in plans] == [[], ["RIVERBEND"]]


async def test_whose_search_it_was_sees_dates_and_level_of_the_placement_and_nothing_else_of_it(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database, both: str
) -> None:
    ids = await ids_of(desk, "E1")
    case = Case(ids, {"rbsecret"})
    assert await leaks(http, app, case, HERE, writes=False) == []
    told = (await desk.get("/api/episodes/E1", facilities=HERE)).json()
    assert (told["episode"]["state"], told["episode"]["level"]) == ("active", "php")
    lent = [one for one in told["facts"] if one["value"]["facility"] == "RIVERBEND"]
    names = {one["type"].split(".")[1] for one in lent}
    assert names == {"offer-sent", "offer-accepted", "placed", "started"}
    [line] = (await desk.get("/api/placements", facilities=HERE)).json()["placements"]
    assert (line["id"], line["state"], line["level"], line["program"]) == (both, "started", "php", "RB-PHP")
    assert line.keys().isdisjoint({"sessions", "attended", "suspended", "stay", "on_leave"})
    answer = await desk.post(
        f"/api/placements/{both}/completed", {"date": "2026-05-12", "reason": "other"}, facilities=HERE
    )
    assert answer.status_code == 403, "whose search it was does not speak for the program"
