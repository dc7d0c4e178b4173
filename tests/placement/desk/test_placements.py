"""Placements before their first day, seats that are kept, and waiting lines, over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.facts.envelope import Fact
from tests.builders import cancelled as taken_back
from tests.builders import patient_died
from tests.placement.desk.conftest import Desk

KEPT = {"program": "GH-PHP1", "from": "2026-05-05T04:00:00Z", "until": "2026-05-07T04:00:00Z"}


async def test_a_placement_that_is_cancelled_gives_its_seat_back_and_the_search_goes_on(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    answer = await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "patient-declined"})
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
        200,
        "cancelled",
        "patient-declined",
    )
    assert await desk.listed("seats", program="GH-PHP1") == []
    assert [one["state"] for one in await desk.listed("searches")] == ["closed", "open"]
    again = await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "other"})
    assert (again.status_code, again.json()["state"]) == (409, "cancelled")


async def test_a_first_day_that_was_missed_is_said_once_it_came_and_the_seat_stays(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    path = f"/api/placements/{placement}/start-missed"
    early = await desk.post(path, role="program")
    assert (early.status_code, early.json()["state"]) == (409, "placed")
    assert early.json()["possible"] == ["started", "first-day", "cancelled"]
    desk.clock.forward(timedelta(days=3))
    assert [one["overdue"] for one in await desk.listed("placements")] == [True]
    missed = await desk.post(path, role="program")
    assert (missed.status_code, missed.json()["state"], missed.json()["seat"]) == (200, "missed", True)
    assert (await desk.post(path, role="program")).status_code == 409
    cancelled = await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "start-missed"})
    assert cancelled.json()["state"] == "cancelled"


async def test_a_seat_is_kept_for_a_patient_and_given_back(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    made = await desk.post("/api/seats", KEPT | {"episode_id": "E1", "group": "A"})
    assert (made.status_code, made.json()["state"], made.json()["group"]) == (201, "held", "A")
    assert (await desk.get("/api/programs/GH-PHP1")).json()["first_free"] == "2026-05-04"
    path = f"/api/seats/{made.json()['seat_id']}"
    assert (await desk.get(path)).json()["until"] == "2026-05-07T04:00:00+00:00"
    assert await desk.listed("seats", at="2026-05-04T23:00:00Z") == []
    assert len(await desk.listed("seats", at="2026-05-05T23:00:00Z")) == 1
    given = await desk.post(f"{path}/released", {"reason": "not-needed"})
    assert given.status_code == 200
    assert await desk.listed("seats") == []
    assert (await desk.post(f"{path}/released", {"reason": "not-needed"})).status_code == 404


async def test_a_seat_of_a_placement_goes_with_it_only(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.places("E1")
    [seat] = await desk.listed("seats")
    answer = await desk.post(f"/api/seats/{seat['seat_id']}/released", {"reason": "not-needed"})
    assert (answer.status_code, answer.json()["state"]) == (409, "taken")
    assert "placement-cancelled" in answer.json()["possible"]


async def test_a_group_that_is_full_keeps_no_more_seats(desk: Desk) -> None:
    episodes = [f"E{n}" for n in range(11)]
    await desk.leaves_the_ward(*episodes)
    answers = [await desk.post("/api/seats", KEPT | {"episode_id": e, "group": "A"}) for e in episodes]
    assert [one.status_code for one in answers] == [201] * 10 + [409]
    assert answers[-1].json()["type"] == "urn:stepdown:problem:group-full"
    shown = (await desk.get("/api/programs/GH-PHP1")).json()
    assert shown["first_free"] == "2026-05-04"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"program": "SECRET"}, "program"), ({"group": "SECRET"}, "group"), ({"from": "SECRET"}, "from")],
)
async def test_a_seat_that_does_not_fit_the_site_is_422_by_its_field(
    desk: Desk, body: dict[str, Any], field: str
) -> None:
    await desk.leaves_the_ward("E1")
    answer = await desk.post("/api/seats", KEPT | {"episode_id": "E1"} | body)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)
    assert "SECRET" not in answer.text


async def test_who_waits_stands_in_line_and_moves_up_when_somebody_is_seated(desk: Desk) -> None:
    episodes = ["E1", "E2", "E3"]
    await desk.leaves_the_ward(*episodes)
    for episode in episodes:
        search = (await desk.search(episode))["search_id"]
        made = await desk.post("/api/waitlist", {"search_id": search, "program": "gh-php1"})
        assert (made.status_code, made.json()["position"]) == (201, int(episode[1]))
        desk.clock.forward(timedelta(minutes=1))
    again = await desk.post("/api/waitlist", {"search_id": search, "program": "GH-PHP1"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:already-waiting")
    await desk.places("E1")
    line = await desk.listed("waitlist", program="GH-PHP1", state="waiting")
    assert [(one["episode_id"], one["position"]) for one in line] == [("E2", 1), ("E3", 2)]
    [seated] = await desk.listed("waitlist", state="left")
    assert (seated["episode_id"], seated["reason"]) == ("E1", "seated")
    left = await desk.post(f"/api/waitlist/{line[0]['id']}/left", {"reason": "patient-declined"})
    assert (left.status_code, left.json()["state"]) == (200, "left")
    assert (await desk.post(f"/api/waitlist/{line[0]['id']}/left", {"reason": "other"})).status_code == 409


async def test_of_many_who_join_a_line_at_once_each_has_a_place_of_their_own(desk: Desk) -> None:
    episodes = [f"E{n}" for n in range(8)]
    await desk.leaves_the_ward(*episodes)
    searches = [one["id"] for one in await desk.listed("searches")]
    joined = [desk.post("/api/waitlist", {"search_id": each, "program": "GH-PHP1"}) for each in searches]
    assert {one.status_code for one in await asyncio.gather(*joined)} == {201}
    said = [one.value["position"] for one in await desk.feed.sent("care.events") if one.fact.name == "waitlisted"]
    assert sorted(said) == list(range(1, 9))


@pytest.mark.parametrize(("reason", "declined"), [("patient-declined", True), ("no-program", False)])
async def test_a_patient_who_declined_further_care_is_told_so_to_who_calls(
    desk: Desk, reason: str, declined: bool
) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    await desk.post(f"/api/searches/{search}/closed", {"reason": reason})
    told = (await desk.feed.sent("care.episodes"))[-1].value
    assert ("declined_at" in told, "search" in told) == (declined, False)
    again = await desk.post("/api/searches", {"episode_id": "E1"})
    assert again.status_code == 201, again.text
    told = (await desk.feed.sent("care.episodes"))[-1].value
    assert ("declined_at" in told, "search" in told) == (False, True)


async def test_nobody_waits_whose_search_is_over(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    await desk.post("/api/waitlist", {"search_id": search, "program": "RB-PHP"})
    await desk.post(f"/api/searches/{search}/closed", {"reason": "patient-declined"})
    assert [(one["state"], one["reason"]) for one in await desk.listed("waitlist")] == [("left", "search-closed")]
    late = await desk.post("/api/waitlist", {"search_id": search, "program": "RB-PHP"})
    assert (late.status_code, late.json()["type"]) == (409, "urn:stepdown:problem:search-closed")


async def dies(desk: Desk, episode: str = "E1") -> Fact:
    """The hospital tells that the patient died, after it told of two other things; what takes that back."""
    named: dict[str, Any] = {"episode": episode, "patient_id": f"patient-{episode}"}
    died = replace(patient_died("2026-05-05 09:00", **named), sequence=3)
    await desk.feed.bring(died)
    assert [one["state"] for one in await desk.listed("placements", episode_id=episode)] == ["cancelled"]
    return replace(taken_back(died, episode=episode), sequence=4)


async def held(desk: Desk) -> list[tuple[str, str, str]]:
    """Seats that are somebody's from now on: group, placement, episode."""
    every = await desk.listed("seats", program="GH-PHP1")
    return [(one["group"], one["placement_id"], one["episode_id"]) for one in every if not one.get("until")]


@pytest.mark.parametrize("days", [0, 9], ids=["before the first day", "after it"])
async def test_a_death_told_by_mistake_gives_the_placement_and_its_seat_back(desk: Desk, days: int) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1", group="A")
    desk.clock.forward(timedelta(days=days))
    before = await held(desk)
    alive = await dies(desk)
    assert await held(desk) == []
    await desk.feed.bring(alive)
    [one] = await desk.listed("placements", episode_id="E1")
    assert (one["placement_id"], one["state"]) == (placement, "placed")
    assert await held(desk) == before
    assert [search["state"] for search in await desk.listed("searches", episode_id="E1")] == ["closed"]


async def test_where_the_seat_is_taken_meanwhile_the_placement_stands_and_the_list_says_that_it_has_none(
    desk: Desk,
) -> None:
    others = [f"E{number}" for number in range(2, 22)]
    await desk.leaves_the_ward("E1", *others)
    placement = await desk.places("E1")
    alive = await dies(desk)
    for other in others:
        await desk.places(other)
    await desk.feed.bring(alive)
    [one] = await desk.listed("placements", episode_id="E1")
    assert (one["placement_id"], one["state"]) == (placement, "placed")
    assert len(await desk.listed("seats", program="GH-PHP1")) == 20
    listed = (await desk.get("/api/worklists/no-seat")).json()["items"]
    assert [row["episode_id"] for row in listed] == ["E1"]


async def test_what_a_person_cancelled_stays_cancelled_whoever_lives(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    answer = await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "deceased"})
    assert answer.status_code == 200, answer.text
    await desk.feed.bring(await dies(desk))
    assert [one["state"] for one in await desk.listed("placements", episode_id="E1")] == ["cancelled"]
    assert (await desk.search("E1"))["state"] == "open"
