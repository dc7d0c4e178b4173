"""Stays of two patients who are one: first days, sessions, steps, readmissions, settled conflicts (contract 3.6 rule
11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.placement.rules import Rules
from tests.builders import admitted, discharged
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.stories import says
from tests.placement.desk.test_merges import IN, OUT, R, S, bring, lines_of, seats_of, state_of, whole
from tests.placement.desk.test_sessions import GROUP
from tests.placement.merging import Intake


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def names(desk: Desk, episode: str) -> list[str]:
    """Names of placement's announcements of an episode that stand."""
    told = [one.fact for one in await desk.feed.sent("care.events") if one.key == episode]
    gone = {one.as_json.get("cancels") for one in told} | {one.as_json.get("replaces") for one in told}
    shown = ("stepped-down", "stepped-up", "readmitted", "conflict-raised", "closed")
    return sorted(one.name for one in told if one.id not in gone and one.name in shown)


async def test_a_readmission_is_one_whichever_record_it_was_told_of(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(S, IN, discharged("2026-05-02 07:00")))
    await bring(desk, *intake.stays(R, admitted("2026-05-03 12:00", visit="V2")))
    assert await names(desk, S) == []
    await bring(desk, *intake.merges(R, S))
    assert (await names(desk, S), await names(desk, R)) == (["readmitted"], ["closed"])
    await bring(desk, *intake.unmerges(R, S))
    assert (await names(desk, S), await names(desk, R)) == ([], [])
    await whole(desk, rules)


async def test_a_first_day_and_its_sessions_go_with_the_patient(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT))
    placement = await desk.places(R)
    desk.clock.forward(timedelta(days=9))
    assert (await says(desk, placement, "started", date=DAY))["state"] == "started"
    session = {"placement_id": placement, "session_id": "s-1", "date": "2026-05-06", "services": [GROUP]}
    answer = await desk.post("/api/sessions", session, role="program")
    assert answer.status_code == 201, answer.text
    before = (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R))
    await bring(desk, *intake.merges(R, S))
    there = await state_of(desk, S)
    assert [(one["id"], one["level"]) for one in there["stays"]] == [("V1", "inpatient"), (placement, "php")]
    assert await names(desk, S) == ["stepped-down"]
    assert (await seats_of(desk), len(await desk.feed.billed(S))) == ({S: ["GH-PHP1"]}, len(before[2]))
    await bring(desk, *intake.unmerges(R, S))
    assert (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R)) == before
    await whole(desk, rules)


async def test_a_conflict_that_was_settled_stays_settled(desk: Desk, intake: Intake, rules: Rules) -> None:
    two = (admitted("2026-05-01 10:00"), admitted("2026-05-02 10:00", visit="V2"))
    await bring(desk, *intake.stays(R, *two))
    [conflict] = await desk.listed("conflicts", episode_id=R)
    falls = {"falls": [conflict["facts"][0]["ce_id"]]}
    answer = await desk.post(f"/api/conflicts/{conflict['id']}/settled", falls, role="clinician")
    assert answer.status_code == 200, answer.text
    left = [one["id"] for one in (await state_of(desk, R))["stays"]]
    await bring(desk, *intake.merges(R, S))
    assert [one["id"] for one in (await state_of(desk, S))["stays"]] == left
    assert [one for one in await desk.listed("conflicts", episode_id=S) if one["state"] == "open"] == []
    await bring(desk, *intake.unmerges(R, S))
    assert [one["id"] for one in (await state_of(desk, R))["stays"]] == left
    await whole(desk, rules)


async def test_what_was_opened_and_closed_since_by_the_retired_patient_s_stays_goes_back_with_them(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await bring(desk, *intake.stays(S, IN, discharged("2026-05-03 07:00")))
    await bring(
        desk, *intake.stays(R, admitted("2026-05-03 10:00", visit="V2"), discharged("2026-05-04 07:00", visit="V2"))
    )
    before = await desk.listed("searches", episode_id=S)
    await bring(desk, *intake.merges(R, S))
    placement = await desk.places(S)
    desk.clock.forward(timedelta(days=9))
    await says(desk, placement, "started", date=DAY)
    await says(desk, placement, "completed", date=DAY, reason="goals-met")
    assert [one["state"] for one in await desk.listed("searches", episode_id=S)].count("open") == 1
    await bring(desk, *intake.unmerges(R, S))
    assert [(one["search_id"], one["state"]) for one in await desk.listed("searches", episode_id=S)] == [
        (one["search_id"], "open") for one in before
    ]
    assert [one["state"] for one in await desk.listed("searches", episode_id=R)] == ["closed", "open"]
    await whole(desk, rules)
