"""Worklists over HTTP: what waits for somebody, counted and listed; it goes when it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.placement.gate.tables import withheld
from tests.builders import discharged
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.stories import WHY, at_the_program, says, ward_and_back
from tests.placement.desk.test_planning import PLAN


async def counts(desk: Desk, **query: str) -> dict[str, int]:
    """The lists that have something."""
    found = (await desk.get("/api/worklists", query)).json()["worklists"]
    assert all(one["title"] for one in found)
    return {one["name"]: one["count"] for one in found if one["count"]}


async def work(desk: Desk, name: str, **query: str) -> list[dict[str, Any]]:
    answer = await desk.get(f"/api/worklists/{name}", query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_search_an_offer_without_answer_and_a_first_day_that_passed_wait_for_somebody(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", "E2")
    assert await counts(desk) == {"searches-open": 2}
    await desk.offers("E1", "GH-PHP1")
    placement = await desk.places("E2")
    assert await counts(desk) == {"searches-open": 1}
    desk.clock.forward(timedelta(days=4))
    assert await counts(desk) == {"searches-open": 1, "offers-overdue": 1, "starts-due": 1, "missed": 1}
    assert [(one["id"], one["overdue"]) for one in await work(desk, "starts-due")] == [(placement, True)]
    await says(desk, placement, "started", date=DAY)
    await says(desk, placement, "received")
    assert await counts(desk) == {"searches-open": 1, "offers-overdue": 1}


async def test_a_stay_without_a_seat_waits_for_one(desk: Desk) -> None:
    placement = await at_the_program(desk, program="GH-PHP-YOUTH")
    await says(desk, placement, "completed", date="2026-05-08", reason="goals-met")
    kept = {"episode_id": "E1", "program": "GH-PHP-YOUTH", "from": "2026-05-09T04:00:00Z"}
    kept |= {"until": "2026-06-30T00:00:00Z"}
    for _ in range(10):
        assert (await desk.post("/api/seats", kept)).status_code == 201
    await says(desk, placement, "end-withdrawn", **WHY)
    assert [one["id"] for one in await work(desk, "no-seat")] == [placement]


async def test_what_has_no_effect_and_what_contradicts_is_shown_in_words_until_a_person_settles(desk: Desk) -> None:
    await ward_and_back(desk, attended=True)
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "visit": "V7"}
    await desk.feed.bring(replace(discharged("2026-05-12 10:00", **named), sequence=4))
    assert await counts(desk) == {"ineffective": 1, "conflicts": 1, "handovers-open": 1}
    [line] = await work(desk, "ineffective")
    assert [(one["says"], one["word"], one["means"]) for one in line["facts"]] == [
        (
            "discharged inpatient (visit V7) on 2026-05-12, said by the hospital",
            "not-open",
            "no such stay had begun",
        )
    ]
    [conflict] = await work(desk, "conflicts")
    falls = [one["ce_id"] for one in conflict["facts"] if "attended" in one["says"]]
    await desk.post(f"/api/conflicts/{conflict['id']}/settled", {"falls": falls})
    [line] = await work(desk, "ineffective")
    assert sorted(one["word"] for one in line["facts"]) == ["inside-24-hour-stay", "not-open"]
    assert await counts(desk) == {"ineffective": 1, "starts-due": 1}


async def test_authorizations_that_end_or_are_used_up_and_reviews_that_are_due(desk: Desk) -> None:
    await at_the_program(desk)
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "from": DAY}
    for units, to in ((0, "2026-06-30"), (9, "2026-05-18"), (9, "2026-06-30"), (9, "2026-05-10")):
        auth = (await desk.post("/api/authorizations", asked | {"units": units, "to": to})).json()["auth_id"]
        await desk.post(f"/api/authorizations/{auth}/approved")
    used_up = {"authorizations-used-up": 1, "authorizations-exhausted": 1}
    assert await counts(desk) == used_up | {"authorizations-ending": 1, "handovers-open": 1}
    assert [one["to"] for one in await work(desk, "authorizations-ending")] == ["2026-05-18"]
    assert (await desk.post("/api/episodes/E1/plan", PLAN)).status_code == 200
    assert [one["review_due"] for one in await work(desk, "reviews-due")] == ["2026-05-12"]
    assert (await desk.post("/api/episodes/E1/plan", PLAN | {"review_due": "2026-05-30"})).status_code == 200
    assert await work(desk, "reviews-due") == []


async def test_everybody_sees_the_work_of_their_own_facilities_page_by_page(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", "E2", "E3")
    await desk.leaves_the_ward("E4", facility="RIVERBEND")
    assert await counts(desk, facility="RIVERBEND") == {"searches-open": 1}
    first = (await desk.get("/api/worklists/searches-open", {"limit": "3"})).json()
    rest = (await desk.get("/api/worklists/searches-open", {"limit": "3", "cursor": first["next"]})).json()
    assert sorted(one["episode_id"] for one in first["items"] + rest["items"]) == ["E1", "E2", "E3", "E4"]
    assert rest["next"] is None
    elsewhere = await desk.get("/api/worklists/searches-open", facilities=("RIVERBEND",))
    assert [one["episode_id"] for one in elsewhere.json()["items"]] == ["E4"]
    statuses = [
        (await desk.get("/api/worklists/SECRET")).status_code,
        (await desk.get("/api/worklists", {"SECRET": "1"})).status_code,
        (await desk.get("/api/worklists", role="hospital")).status_code,
        (await desk.get("/api/worklists", {"facility": "GOODHEALTH"}, facilities=("RIVERBEND",))).status_code,
    ]
    assert statuses == [404, 422, 403, 403]


async def test_what_waits_for_a_basis_is_on_a_list_of_those_who_may_give_one(desk: Desk) -> None:
    waits = {
        "patient_id": "P", "facility": "GOODHEALTH", "fact_type": "care.discharged.v1", "labels": ["PSY"],
        "reason": "no-basis", "since": desk.clock(), "episode_id": "E1", "config": "c",
        "writer": "intake", "occurred_at": "2026-05-04T11:00:00Z", "place": 1, "content": b"{}",
    }  # fmt: skip
    async with desk.feed.database.begin() as connection:
        for number in range(3):
            row = waits | {"recipient": "CLINIC", "fact_id": f"f-{number}"}
            await connection.execute(sa.insert(withheld).values(row))
    assert await counts(desk) == {"withheld": 3}
    first = (await desk.get("/api/worklists/withheld", {"limit": "2"})).json()
    rest = (await desk.get("/api/worklists/withheld", {"limit": "2", "cursor": first["next"]})).json()
    assert [one["fact_id"] for one in first["items"] + rest["items"]] == ["f-0", "f-1", "f-2"]
    assert (await desk.get("/api/worklists/withheld", role="program")).status_code == 403
    listed = (await desk.get("/api/worklists", role="program")).json()["worklists"]
    assert "withheld" not in {one["name"] for one in listed}
