"""Referrals over HTTP: from the templates of a plan, by their moves, to an end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from shared.storage.database import Database
from shared.storage.tables import refusals
from tests.aftercare.builders import LEFT
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import a_referral, move
from tests.aftercare.test_handlers import sent


@pytest.mark.usefixtures("completed")
async def test_a_completed_program_has_a_plan_with_the_templates_referrals_and_contacts(desk: Desk) -> None:
    [plan] = await desk.listed("plans", state="active")
    assert (plan["template"], plan["trigger"], plan["episode_id"]) == ("step-out", "P1.ended", "E1")
    assert [c["name"] for c in plan["contacts"]] == ["first-call"]
    assert datetime.fromisoformat(plan["contact_due"]) == LEFT + timedelta(hours=72)
    assert {(r["kind"], r["due_by"], r["state"]) for r in await desk.listed("referrals")} == {
        ("outpatient-therapy", "2026-04-08", "referred"),
        ("medication", "2026-04-15", "referred"),
    }


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize(
    ("moves", "state"),
    [
        (["received", "accepted", "scheduled", "completed"], "completed"),
        (["accepted", "scheduled", "no-show", "rescheduled", "completed"], "completed"),
        (["received", "declined"], "declined"),
        (["received", "accepted", "cancellation-requested", "cancelled"], "cancelled"),
        (["cancelled"], "cancelled"),
    ],
)
async def test_a_referral_goes_its_way_to_an_end(desk: Desk, moves: list[str], state: str) -> None:
    referral = await a_referral(desk)
    answer = await move(desk, referral, *moves)
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert [told["move"] for told in answer.json()["history"]] == moves
    assert answer.json()["possible"] == []


@pytest.mark.usefixtures("completed")
async def test_a_move_that_is_not_possible_now_says_what_is_and_the_refusal_is_recorded(
    desk: Desk, database: Database
) -> None:
    referral = await a_referral(desk)
    before = await sent(database)
    answer = await move(desk, referral, "scheduled")
    assert answer.status_code == 409
    assert answer.json()["state"] == "referred"
    assert answer.json()["possible"] == ["received", "accepted", "declined", "cancelled"]
    assert await sent(database) == before
    async with database.read() as connection:
        found = (await connection.execute(sa.select(refusals.c.actor, refusals.c.action, refusals.c.code))).all()
    assert [tuple(row) for row in found] == [("u1", "referral-scheduled", "not-possible-now")]


@pytest.mark.usefixtures("completed")
async def test_an_appointment_follows_its_referral(desk: Desk) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "accepted", "scheduled")
    [first] = await desk.listed("appointments")
    assert (first["state"], first["referral_id"], first["mode"]) == ("scheduled", referral, "telehealth")
    await move(desk, referral, "no-show", "rescheduled", "completed")
    assert [a["state"] for a in await desk.listed("appointments")] == ["missed", "kept"]


@pytest.mark.usefixtures("completed")
async def test_another_referral_takes_the_place_of_a_declined_one_only(desk: Desk) -> None:
    referral = await a_referral(desk)
    body = {"episode_id": "E1", "kind": "outpatient-therapy", "provider": "RIVERBEND", "instead_of": referral}
    early = await desk.post("/api/referrals", body)
    assert (early.status_code, early.json()["state"]) == (409, "referred")
    await move(desk, referral, "declined")
    made = await desk.post("/api/referrals", body)
    assert (made.status_code, made.json()["state"], made.json()["instead_of"]) == (201, "referred", referral)
