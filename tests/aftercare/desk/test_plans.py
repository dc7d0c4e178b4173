"""Plans over HTTP: where calls stop, what ends one, what takes one back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.storage.database import Database
from tests.aftercare.builders import LEFT, day, document, inpatient, stay
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, move
from tests.aftercare.test_handlers import take_in


async def test_where_another_facility_told_a_death_calls_stop_until_a_person_here_decides(
    desk: Desk, database: Database
) -> None:
    death = {"ce_id": "d-1", "facility": "RIVERBEND", "at": day(1).isoformat()}
    await take_in(database, document(inpatient(), version=2, deaths=[death], state="closed"))
    [plan] = await desk.listed("plans", state="active")
    assert plan["calls_stopped"] == "ask-before-calling"
    assert "contact_due" not in plan
    assert "RIVERBEND" not in str(plan)
    path = f"/api/plans/{plan['id']}/calls"
    assert (await desk.post(path, {"decision": "go-on"}, facilities=("RIVERBEND",))).status_code == 404
    assert (await desk.post(path, {"decision": "perhaps"})).status_code == 422
    assert (await desk.post(path, {"decision": "go-on"})).status_code == 200
    [plan] = await desk.listed("plans", state="active")
    assert "contact_due" in plan
    assert (await desk.post(path, {"decision": "go-on"})).status_code == 409
    assert (await desk.post(path, {"decision": "stop"})).status_code == 200
    assert await desk.listed("plans", state="active") == []


@pytest.mark.usefixtures("completed")
async def test_goals_are_met_when_no_referral_is_open_and_the_end_is_final(desk: Desk) -> None:
    [plan] = await desk.listed("plans")
    path = f"/api/plans/{plan['id']}/closed"
    early = await desk.post(path, {"outcome": "goals-met"})
    assert (early.status_code, early.json()["type"]) == (409, "urn:stepdown:problem:referrals-open")
    for referral in await desk.listed("referrals"):
        await move(desk, referral["id"], "accepted", "completed")
    closed = await desk.post(path, {"outcome": "goals-met"})
    assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "goals-met")
    assert (await desk.post(path, {"outcome": "other"})).status_code == 409


@pytest.mark.usefixtures("completed")
async def test_an_admission_takes_the_patient_out_of_the_plan(desk: Desk, database: Database) -> None:
    await take_in(database, document(COMPLETED, stay("inpatient", day(6), id="V2"), version=2))
    [plan] = await desk.listed("plans", state="in-care")
    answer = await desk.post(f"/api/plans/{plan['id']}/closed", {"outcome": "other"})
    assert (answer.status_code, answer.json()["state"]) == (409, "in-care")
    assert (await desk.post("/api/referrals", {"episode_id": "E1", "kind": "psychiatry"})).status_code == 409


@pytest.mark.usefixtures("completed")
async def test_a_completion_taken_back_leaves_only_what_people_moved(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "received")
    await take_in(database, document(COMPLETED | {"to": None, "ended_by": None}, version=2))
    assert await desk.listed("plans") == []
    assert [r["id"] for r in await desk.listed("referrals")] == [referral]
    assert (await move(desk, referral, "accepted")).status_code == 200


async def test_a_plan_begins_at_the_discharge_and_is_ended_only_when_nothing_is_looked_for(
    desk: Desk, database: Database
) -> None:
    await take_in(database, document(inpatient(), search="open"))
    [plan] = await desk.listed("plans", state="active")
    assert (plan["contact_due"], plan["search"]) == ((LEFT + timedelta(hours=72)).isoformat(), "open")
    assert "overdue" not in plan
    desk.clock.at = day(5)
    assert (await desk.listed("plans", state="active"))[0]["overdue"] is True
    path = f"/api/plans/{plan['id']}/closed"
    early = await desk.post(path, {"outcome": "in-other-care"})
    assert (early.status_code, early.json()["type"]) == (409, "urn:stepdown:problem:search-open")
    called = await desk.post(
        "/api/contacts", {"episode_id": "E1", "at": day(4).isoformat(), "mode": "phone", "outcome": "reached"}
    )
    assert called.status_code == 201
    [reached] = await desk.listed("plans", state="active")
    assert ("contact_due" in reached, reached["contacts"][0]["late"]) == (False, True)
    await take_in(database, document(inpatient(), version=2))
    assert (await desk.post(path, {"outcome": "in-other-care"})).status_code == 200
    assert [(one["state"], one["outcome"]) for one in await desk.listed("plans")] == [("closed", "in-other-care")]
