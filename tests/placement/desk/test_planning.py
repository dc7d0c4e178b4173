"""What people decide about an episode over HTTP: its end, who is in charge, certifications, plans, what was said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.placement.desk.conftest import Desk
from tests.placement.desk.stories import at_the_program, says, state

PLAN = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 3, "review_due": "2026-05-12"}
CERTIFIED = {"kind": "initial", "from": "2026-05-06", "to": "2026-05-20", "npi": "1000000012"}
ASSESSED = {"instrument": "LOCUS", "version": "20", "phase": "intake", "score": 17, "dimensions": {"I": 3, "II": 2}}


async def test_an_episode_ends_when_no_stay_is_open_and_once(desk: Desk) -> None:
    placement = await at_the_program(desk)
    early = await desk.post("/api/episodes/E1/ended", {"reason": "moved-away"})
    assert (early.status_code, early.json()["type"], early.json()["state"]) == (
        409, "urn:stepdown:problem:stay-open", "active",
    )  # fmt: skip
    await says(desk, placement, "completed", date="2026-05-12", reason="goals-met")
    ended = await desk.post("/api/episodes/E1/ended", {"reason": "moved-away"})
    assert (ended.status_code, ended.json()["state"], ended.json()["episode_id"]) == (200, "closed", "E1")
    again = await desk.post("/api/episodes/E1/ended", {"reason": "moved-away"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:closed")
    assert [one["state"] for one in await desk.listed("searches")] == ["closed", "closed"]


@pytest.mark.parametrize(
    ("what", "body", "fact"),
    [
        ("assigned", {"user_id": "dev-coordinator", "role": "coordinator"}, "assigned"),
        ("certified", CERTIFIED, "certified"),
        ("certified", CERTIFIED | {"stay": {"kind": "visit", "id": "V1"}}, "certified"),
        ("plan", PLAN, "plan-recorded"),
        (
            "medication",
            {"system": "RXNORM", "code": "1", "next_due": "2026-05-08", "days_in_hand": 3},
            "medication-recorded",
        ),
        ("agreed", {"level": "php", "program": "GH-PHP1"}, "patient-agreed"),
        ("declined", {"level": "residential", "reason": "too-far-away"}, "patient-declined"),
        ("assessed", ASSESSED | {"recommended_level": "iop", "flags": ["suicide-risk"]}, "assessed"),
    ],
)
async def test_what_is_said_of_an_episode_is_a_fact_of_it(
    desk: Desk, what: str, body: dict[str, Any], fact: str
) -> None:
    await desk.leaves_the_ward("E1")
    seen = (await desk.get("/api/episodes/E1")).headers["etag"]
    answer = await desk.post(f"/api/episodes/E1/{what}", body, role="admin", if_match=seen)
    assert (answer.status_code, answer.json()["episode_id"]) == (200, "E1"), answer.text
    assert (await desk.said())[-1] == fact
    told = (await desk.feed.sent("care.events"))[-1].value
    assert body.items() <= {**told}.items()
    assert (await desk.post(f"/api/episodes/E1/{what}", body, role="admin", if_match=seen)).status_code == 412
    assert await state(desk) == ("between", None)


async def test_a_stay_that_is_certified_is_one_of_the_episode(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    answer = await desk.post("/api/episodes/E1/certified", CERTIFIED | {"stay": {"kind": "visit", "id": "V9"}})
    assert (answer.status_code, answer.json()["possible"]) == (409, ["V1"])


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("ended", {"reason": "Secret words"}, "reason"),
        ("assigned", {"user_id": "u", "role": "SECRET"}, "role"),
        ("certified", CERTIFIED | {"npi": "1000000013"}, "npi"),
        ("certified", CERTIFIED | {"to": "2026-05-05"}, "to"),
        ("plan", PLAN | {"level": "SECRET"}, "level"),
        ("plan", PLAN | {"hours_week": 169}, "hours_week"),
        ("agreed", {"level": "php", "program": "SECRET"}, "program"),
        ("agreed", {"level": "iop", "program": "GH-PHP1"}, "level"),
        ("assessed", ASSESSED | {"instrument": "<SECRET>"}, "instrument"),
        ("assessed", ASSESSED | {"flags": ["Secret words"]}, "flags.0"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_field(desk: Desk, what: str, body: dict[str, Any], field: str) -> None:
    answer = await desk.post(f"/api/episodes/nobody/{what}", body, role="admin")
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "secret" not in answer.text.lower()
