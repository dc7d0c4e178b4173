"""Offers over HTTP: sent to one or several, answered by programs; the first acceptance has the seat, the rest go."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.placement.timers import KEYS_KEPT
from shared.storage.database import Database
from shared.web import idempotency
from tests.placement.desk.conftest import DAY, Desk


async def test_the_first_acceptance_places_the_patient_and_withdraws_the_rest(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    first, second = await desk.offers("E1", "GH-PHP1", "RB-PHP")
    answer = await desk.post(f"/api/offers/{first}/accepted", role="program")
    assert (answer.status_code, answer.json()["state"], answer.json()["possible"]) == (200, "accepted", [])
    [placement] = await desk.listed("placements", state="placed")
    assert placement["placement_id"] == answer.json()["placement_id"]
    assert (placement["program"], placement["start_date"], placement["seat"]) == ("GH-PHP1", DAY, True)
    assert [(one["state"], one["reason"]) for one in await desk.listed("searches")] == [("closed", "placed")]
    late = await desk.post(f"/api/offers/{second}/accepted", role="program")
    assert (late.status_code, late.json()["state"]) == (409, "withdrawn")
    assert late.json()["possible"] == ["reopened"]
    [seat] = await desk.listed("seats", program="GH-PHP1")
    assert (seat["state"], seat["from"], seat["placement_id"]) == (
        "taken",
        "2026-05-06T04:00:00+00:00",
        placement["id"],
    )


async def test_a_program_proposes_another_day_and_that_day_is_taken(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    path = f"/api/offers/{offer}"
    countered = await desk.post(f"{path}/countered", {"start_date": "2026-05-11", "reason": "no-seat-before"})
    assert (countered.json()["state"], countered.json()["start_date"]) == ("countered", "2026-05-11")
    await desk.post(f"{path}/accepted")
    assert (await desk.listed("placements"))[0]["start_date"] == "2026-05-11"


async def test_a_declined_offer_may_be_sent_again(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    path = f"/api/offers/{offer}"
    declined = await desk.post(f"{path}/declined", {"reason": "no-capacity"}, role="program")
    assert (declined.json()["state"], declined.json()["reason"]) == ("declined", "no-capacity")
    assert (await desk.post(f"{path}/withdrawn", {"reason": "other"})).status_code == 409
    reopened = await desk.post(f"{path}/reopened", {"reason": "seat-came-free"})
    assert (reopened.status_code, reopened.json()["state"]) == (200, "sent")
    withdrawn = await desk.post(f"{path}/withdrawn", {"reason": "patient-declined"})
    assert withdrawn.json()["state"] == "withdrawn"


async def test_an_offer_whose_time_is_over_is_overdue(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    until = (desk.clock() + timedelta(hours=4)).isoformat()
    await desk.offers("E1", "GH-PHP1", expires_at=until)
    assert [one["overdue"] for one in await desk.listed("offers")] == [False]
    desk.clock.forward(timedelta(hours=5))
    assert [one["overdue"] for one in await desk.listed("offers")] == [True]


async def test_another_level_than_the_recommended_one_needs_a_reason(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    body = {"episode_id": "E1", "program": "GH-IOP1"}
    answer = await desk.post("/api/offers", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:variance-reason-needed")
    assert answer.json()["possible"] == ["variance_reason"]
    assert answer.json()["state"] == "between"
    answer = await desk.post("/api/offers", body | {"variance_reason": "patient-works"})
    assert (answer.status_code, answer.json()["offers"][0]["variance_reason"]) == (201, "patient-works")


async def test_a_seat_that_was_kept_for_the_patient_is_the_one_that_is_taken(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    kept = {"episode_id": "E1", "program": "GH-PHP1", "group": "A"}
    kept |= {"from": "2026-05-04T12:00:00Z", "until": "2026-05-08T12:00:00Z"}
    assert (await desk.post("/api/seats", kept)).status_code == 201
    await desk.places("E1", group="A")
    [seat] = await desk.listed("seats", program="GH-PHP1", at="2026-05-07T12:00:00Z")
    assert (seat["state"], seat["group"]) == ("taken", "A")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"episode_id": "E1", "program": "SECRET"}, "program"),
        ({"episode_id": "E1", "programs": ["GH-PHP1", "SECRET"]}, "programs"),
        ({"episode_id": "E1", "program": "GH-PHP1", "programs": ["RB-PHP"]}, "program"),
        ({"episode_id": "E1"}, "program"),
        ({"program": "GH-PHP1"}, "search_id"),
        ({"episode_id": "E1", "search_id": "S", "program": "GH-PHP1"}, "search_id"),
        ({"episode_id": "E1", "program": "GH-PHP1", "group": "SECRET"}, "group"),
        ({"episode_id": "E1", "program": "GH-PHP1", "track": "SECRET"}, "track"),
        ({"episode_id": "E1", "program": "GH-PHP1", "variance_reason": "Secret words"}, "variance_reason"),
        ({"episode_id": "E1", "program": "GH-PHP1", "expires_at": "2026-05-05T10:00:00"}, "expires_at"),
        ({"episode_id": "E1", "program": "GH-PHP1", "start_date": "SECRET"}, "start_date"),
    ],
)
async def test_an_offer_that_does_not_fit_the_site_is_422_by_its_field(
    desk: Desk, body: dict[str, Any], field: str
) -> None:
    await desk.leaves_the_ward("E1")
    answer = await desk.post("/api/offers", body)
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "secret" not in answer.text.lower()


async def test_a_second_offer_to_one_program_is_refused_and_the_refusal_is_recorded(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.offers("E1", "GH-PHP1")
    search = (await desk.search("E1"))["search_id"]
    before = await desk.said()
    answer = await desk.post("/api/offers", {"search_id": search, "program": "gh-php1"})
    assert (answer.status_code, answer.json()["state"], answer.json()["possible"]) == (409, "open", ["withdrawn"])
    assert await desk.said() == before
    assert ("a-coordinator", "offer-sent", "E1", "already-asked") in await desk.feed.refusals()


async def test_who_saw_an_older_state_is_told_412_and_nothing_is_done(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    seen = (await desk.get(f"/api/offers/{offer}")).headers["etag"]
    first = await desk.post(f"/api/offers/{offer}/countered", {"start_date": DAY}, if_match=seen)
    assert first.status_code == 200
    assert first.headers["etag"] == (await desk.get("/api/episodes/E1")).headers["etag"] != seen
    for stale in (seen, '"x"', 'W/"3"'):
        answer = await desk.post(f"/api/offers/{offer}/accepted", if_match=stale)
        assert (answer.status_code, answer.json()["type"]) == (412, "urn:stepdown:problem:stale")
    assert await desk.listed("placements") == []
    last = await desk.post(f"/api/offers/{offer}/accepted", if_match=first.headers["etag"])
    assert last.status_code == 200


async def test_a_request_sent_again_with_its_key_is_done_once_and_answered_alike(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    path = f"/api/offers/{offer}/accepted"
    answers = await asyncio.gather(*(desk.post(path, role="program", idempotency_key="k1") for _ in range(6)))
    assert {one.status_code for one in answers} == {200}
    assert len({(one.content, one.headers["etag"]) for one in answers}) == 1
    assert len(await desk.listed("placements")) == 1
    other = await desk.post(path, {"start_date": DAY}, role="program", idempotency_key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:idempotency-key-reused")


async def test_a_key_whose_request_was_refused_may_be_tried_again(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = await desk.search("E1")
    await desk.post(f"/api/searches/{search['search_id']}/closed", {"reason": "no-program"})
    body = {"episode_id": "E1", "program": "GH-PHP1"}
    assert (await desk.post("/api/offers", body, idempotency_key="k2")).status_code == 409
    await desk.post("/api/searches", {"episode_id": "E1"})
    for _ in range(2):
        assert (await desk.post("/api/offers", body, idempotency_key="k2")).status_code == 201
    assert len(await desk.listed("offers")) == 1


async def test_a_key_is_remembered_for_two_days(desk: Desk, database: Database) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    path = f"/api/offers/{offer}/declined"
    for forward, status in ((47, 200), (2, 409)):
        assert (await desk.post(path, {"reason": "other"}, idempotency_key="k3")).status_code == 200
        desk.clock.forward(timedelta(hours=forward))
        await idempotency.forget(database, desk.clock, KEYS_KEPT)
        assert (await desk.post(path, {"reason": "other"}, idempotency_key="k3")).status_code == status
