"""A patient who is still in a bed, at the desk: the end is planned, moved and called off, a next program is looked for,
and who is ready and waits is listed (contract 3.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.placement.rules import Rules
from services.placement.timers import expire_offers, give_up_placements
from shared.clock import SetClock
from shared.storage.database import Database
from tests.builders import a_story, admitted, cancelled, covered, discharged
from tests.placement.desk.conftest import Desk
from tests.placement.desk.stories import seats
from tests.placement.desk.test_worklists import counts, work

NAMED: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
STORY = a_story(
    admitted("2026-05-01 10:00", **NAMED),
    covered("2026-05-01 11:00", payer="ACME", effective="2026-05-01", **NAMED),
    discharged("2026-05-04 07:30", **NAMED),
)


async def in_a_bed(desk: Desk) -> None:
    """E1 is in inpatient care since 1 May; the clock says 4 May."""
    await desk.feed.bring(*STORY[:2])


async def plans(desk: Desk, day: str | None = "2026-05-06", **more: Any) -> None:
    """A coordinator says when the patient is expected to leave."""
    body = {"expected_at": f"{day}T15:00:00Z"} if day else {}
    answer = await desk.post("/api/episodes/E1/discharge-planned", body | more)
    assert answer.status_code == 200, answer.text


async def refused(desk: Desk, path: str, role: str = "coordinator", **body: Any) -> str:
    answer = await desk.post(path, body, role=role)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["type"].rsplit(":", 1)[1])


async def test_who_leaves_within_the_sites_days_is_listed_until_a_program_takes_them(desk: Desk) -> None:
    await in_a_bed(desk)
    await plans(desk, "2026-05-20")
    assert await counts(desk) == {"searches-open": 1}
    await plans(desk)
    [line] = await work(desk, "leaving")
    assert (line["level"], line["day"], line["state"], line["payer"]) == (
        "inpatient", "2026-05-06", "looked-for", "ACME",
    )  # fmt: skip
    search = await desk.search("E1")
    assert (search["recommended_level"], search["ready_on"], search["begun_by"], search["began_with"]) == (
        "php", "2026-05-06", "discharge-planned", "discharge-planned",
    )  # fmt: skip
    await desk.places("E1")
    assert await counts(desk) == {}
    assert await seats(desk) == [("2026-05-06T04:00:00+00:00", None)]


async def test_programs_are_ranked_by_a_seat_from_the_expected_end_on(desk: Desk) -> None:
    await in_a_bed(desk)
    await plans(desk, "2026-05-20")
    search = (await desk.search("E1"))["search_id"]
    [best, *_] = (await desk.get(f"/api/searches/{search}/programs")).json()["programs"]
    words = {one["rule"]: one["words"] for one in best["reasons"]}
    assert (best["level"], words["seat"], words["wait"]) == ("php", "has a seat from 2026-05-20", "no wait")
    [offer] = await desk.offers("E1", best["id"], start_date=None)
    [sent] = [one for one in await desk.listed("offers", episode_id="E1") if one["id"] == offer]
    assert sent["start_date"] == "2026-05-20"


async def test_a_plan_called_off_gives_back_what_was_arranged_and_is_refused_after_the_end(desk: Desk) -> None:
    await in_a_bed(desk)
    await plans(desk)
    placement = await desk.places("E1")
    assert (await desk.post("/api/episodes/E1/discharge-plan-cancelled")).status_code == 200
    [line] = await desk.listed("placements", episode_id="E1")
    assert (line["id"], line["state"], line["reason"]) == (placement, "cancelled", "plan-cancelled")
    assert await seats(desk) == []
    assert await refused(desk, "/api/episodes/E1/discharge-plan-cancelled") == "no-plan"
    await desk.feed.bring(STORY[2])
    body: dict[str, Any] = {"stay": {"kind": "visit", "id": "V1"}}
    assert await refused(desk, "/api/episodes/E1/discharge-plan-cancelled", **body) == "plan-over"


async def test_a_program_takes_the_new_day_and_its_seat_moves_with_the_plan(desk: Desk, rules: Rules) -> None:
    await in_a_bed(desk)
    await plans(desk)
    await desk.places("E1")
    await plans(desk, "2026-05-09")
    [offer] = await desk.listed("offers", episode_id="E1")
    assert (offer["state"], offer["start_date"], offer["reason"]) == ("countered", "2026-05-09", "plan-moved")
    assert await seats(desk) == [("2026-05-06T04:00:00+00:00", None)]
    assert (await desk.post(f"/api/offers/{offer['id']}/accepted", role="program")).status_code == 200
    assert await seats(desk) == [("2026-05-09T04:00:00+00:00", None)]
    [placement] = await desk.listed("placements", episode_id="E1")
    assert (placement["start_date"], placement["state"], placement["days_between"]) == ("2026-05-09", "placed", 0)


async def test_a_program_that_does_not_answer_in_the_sites_days_loses_the_placement(
    desk: Desk, database: Database, rules: Rules, clock: SetClock
) -> None:
    await in_a_bed(desk)
    await plans(desk)
    await desk.places("E1")
    await plans(desk, "2026-05-20")
    clock.forward(timedelta(days=7))
    assert await expire_offers(database, rules, clock=clock, ids=iter(map(str, range(100, 200))).__next__) == 1
    assert [one["state"] for one in await desk.listed("placements", episode_id="E1")] == ["cancelled"]
    assert sorted(one["state"] for one in await desk.listed("searches", episode_id="E1")) == ["closed", "open"]


async def test_a_first_day_waits_while_the_stay_goes_on_and_is_given_up_after_the_sites_days(
    desk: Desk, database: Database, rules: Rules, clock: SetClock
) -> None:
    await in_a_bed(desk)
    await plans(desk, None)
    placement = await desk.places("E1")
    clock.forward(timedelta(days=3))
    assert await refused(desk, f"/api/placements/{placement}/start-missed", "program") == "stay-open"
    assert await refused(desk, f"/api/placements/{placement}/started", "program", date="2026-05-06") == "stay-open"
    assert "starts-due" not in await counts(desk)
    ids = iter(map(str, range(100, 200))).__next__
    assert await give_up_placements(database, rules, clock=clock, ids=ids) == 0
    clock.forward(timedelta(days=3))
    assert await give_up_placements(database, rules, clock=clock, ids=ids) == 1
    [line] = await desk.listed("placements", episode_id="E1")
    assert (line["state"], line["reason"]) == ("cancelled", "stay-goes-on")
    assert await give_up_placements(database, rules, clock=clock, ids=ids) == 0


async def test_many_days_between_the_end_and_the_first_day_are_listed_as_a_gap(desk: Desk) -> None:
    await in_a_bed(desk)
    await plans(desk, "2026-05-04")
    placement = await desk.places("E1", start_date="2026-05-09")
    assert [(one["id"], one["days_between"]) for one in await work(desk, "gap")] == [(placement, 5)]
    await desk.feed.bring(STORY[2])
    assert [(one["id"], one["state"]) for one in await work(desk, "gap")] == [(placement, "placed")]
    assert len(await seats(desk)) == 1


async def test_a_person_looks_for_several_levels_one_search_each_and_upwards_too(desk: Desk) -> None:
    await desk.is_admitted("E1")
    for level in ("iop", "inpatient"):
        answer = await desk.post("/api/searches", {"episode_id": "E1", "level": level})
        assert answer.status_code == 201, answer.text
    assert await refused(desk, "/api/searches", episode_id="E1", level="iop") == "search-open"
    assert await refused(desk, "/api/searches", episode_id="E1", level="php") == "already-there"
    found = await desk.listed("searches", episode_id="E1")
    assert [(one["from_level"], one["recommended_level"], one["begun_by"]) for one in found] == [
        ("php", "iop", "person"), ("php", "inpatient", "person"),
    ]  # fmt: skip


async def test_a_discharge_takes_the_searches_of_a_person_along_and_its_cancel_gives_them_back(desk: Desk) -> None:
    await in_a_bed(desk)
    assert (await desk.post("/api/searches", {"episode_id": "E1", "level": "iop"})).status_code == 201
    await desk.feed.bring(STORY[2])
    [search] = await desk.listed("searches", episode_id="E1")
    assert (search["state"], search["trigger"], search["recommended_level"]) == ("open", STORY[2].id, "iop")
    await desk.feed.bring(cancelled(STORY[2], sequence=4, **NAMED))
    [again] = await desk.listed("searches", episode_id="E1")
    assert (again["search_id"], again["state"], "trigger" in again) == (search["search_id"], "open", False)


async def test_who_is_ready_and_waits_is_listed_with_what_for_and_since_when(desk: Desk) -> None:
    await in_a_bed(desk)
    path = "/api/episodes/E1/ready-for-step"
    first = {"at": "2026-05-02T09:00:00Z", "waiting_for": "payer"}
    assert (await desk.post(path, first)).status_code == 200
    assert (await desk.post(path, {"at": "2026-05-04T09:00:00Z", "waiting_for": "bed"})).status_code == 200
    [line] = await work(desk, "ready-for-step")
    assert (line["waiting_for"], line["since"], line["ready_since"], line["level"], line["payer"]) == (
        "bed", "2026-05-04", "2026-05-02", "inpatient", "ACME",
    )  # fmt: skip
    assert [one["waiting_for"] for one in line["spans"]] == ["payer", "bed"]
    found = (await desk.get("/api/ready")).json()["ready"]
    assert [(one["waiting_for"], one["payer"], one["level"], one["patients"], one["days"]) for one in found] == [
        ("payer", "ACME", "inpatient", 0, 2), ("bed", "ACME", "inpatient", 1, 0),
    ]  # fmt: skip
    assert (await desk.get("/api/ready", {"facility": "RIVERBEND"})).json()["ready"] == []
    assert (await desk.post("/api/episodes/E1/ready-for-step-withdrawn")).status_code == 200
    assert await work(desk, "ready-for-step") == []
    assert await refused(desk, "/api/episodes/E1/ready-for-step-withdrawn") == "not-ready"
