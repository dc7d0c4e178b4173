"""What aftercare knows is read and searched by FHIR R4: follow-up windows, referrals, plans, appointments."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from services.aftercare.decisions.windows import STATES as WINDOW_STATES
from services.aftercare.desk.fhir import resources as made
from services.aftercare.worklists.entries import STATES
from shared.storage.database import Database
from tests.aftercare.builders import LEFT, document, stay
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, move
from tests.aftercare.test_handlers import take_in

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


async def resources(desk: Desk, address: str, **more: Any) -> list[dict[str, Any]]:
    answer = await desk.get(f"/fhir/{address}", **more)
    assert answer.status_code == 200, answer.text
    return [one["resource"] for one in answer.json().get("entry", ())]


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["reference"]] if isinstance(part.get("reference"), str) else []
        return own + [each for value in part.values() for each in references(value)]
    return [each for one in part for each in references(one)] if isinstance(part, list) else []


@pytest.mark.usefixtures("completed")
async def test_every_reference_leads_to_a_resource(desk: Desk) -> None:
    found = [one for kind in ("Task", "Appointment", "CarePlan") for one in await resources(desk, kind)]
    assert {one["resourceType"] for one in found} >= {"Task", "CarePlan"}
    assert all(ID.fullmatch(one["id"]) for one in found)
    named = {each for one in found for each in references(one)}
    assert named > {one for one in named if one.startswith("Patient/")}
    for reference in sorted(one for one in named if not one.startswith("Patient/")):
        answer = await desk.get(f"/fhir/{reference}")
        assert answer.status_code == 200, reference
        assert f"{answer.json()['resourceType']}/{answer.json()['id']}" == reference


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize(
    ("moves", "status"),
    [
        ((), "requested"),
        (("received",), "received"),
        (("accepted",), "accepted"),
        (("accepted", "scheduled"), "in-progress"),
        (("accepted", "scheduled", "no-show"), "on-hold"),
        (("received", "declined"), "rejected"),
        (("accepted", "scheduled", "completed"), "completed"),
    ],
)
async def test_a_referral_is_a_task_by_its_moves(desk: Desk, moves: tuple[str, ...], status: str) -> None:
    referral = await a_referral(desk)
    if moves:
        assert (await move(desk, referral, *moves)).status_code == 200
    [task] = await resources(desk, f"Task?_id=a-{referral}")
    state = moves[-1] if moves else "referred"
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == (status, state)
    assert [one["id"] for one in await resources(desk, f"Task?status={status}&code=referral")] == [
        task["id"]
    ] or not moves


async def test_a_window_is_a_task_between_two_days(desk: Desk, database: Database) -> None:
    await take_in(database, document(stay("inpatient", LEFT - timedelta(days=5), LEFT, id="V1", how="discharged")))
    tasks = await resources(desk, "Task?code=FUH-7")
    assert [(one["status"], one["businessStatus"]["coding"][0]["code"]) for one in tasks] == [("ready", "due")]
    assert tasks[0]["restriction"]["period"]["start"] < tasks[0]["restriction"]["period"]["end"]
    assert await resources(desk, "Task?code=FUH-7", facilities=("RIVERBEND",)) == []
    assert (await desk.get(f"/fhir/Task/{tasks[0]['id']}", facilities=("RIVERBEND",))).status_code == 404


def test_every_state_has_a_status() -> None:
    assert set(made.REFERRAL_STATUS) == set(STATES["referral"])
    assert set(made.APPOINTMENT_STATUS) == set(STATES["appointment"])
    assert set(made.PLAN_STATUS) == set(STATES["plan"])
    assert set(made.WINDOW_STATUS) == set(WINDOW_STATES)


@pytest.mark.usefixtures("completed")
async def test_the_statement_of_what_can_be_done_is_true(desk: Desk) -> None:
    [rest] = (await desk.client.get("/fhir/metadata")).json()["rest"]
    for one in rest["resource"]:
        for each in one["searchParam"]:
            value = "2026-05-06" if each["type"] == "date" else "Patient/x"
            await resources(desk, f"{one['type']}?{each['name']}={value}")
        for name, offered in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
            for each in one.get(offered, ()):
                await resources(desk, f"{one['type']}?{name}={each}")


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize(
    "address", ["Task?SECRET=1", "Task?_lastUpdated=2026", "Task?_cursor=SECRET", "CarePlan?date=SECRET"]
)
async def test_what_is_asked_amiss_is_refused_by_an_outcome(desk: Desk, address: str) -> None:
    answer = await desk.get(f"/fhir/{address}")
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    assert "SECRET" not in answer.text
    assert (await desk.get("/fhir/Task/a-%00")).status_code == 404
    assert (await desk.get("/fhir/Task?_id=a-%20,b")).status_code == 200


async def test_pages_go_over_from_windows_to_referrals(desk: Desk, database: Database) -> None:
    left = stay("inpatient", LEFT - timedelta(days=5), LEFT, id="V1", how="discharged")
    await take_in(database, document(COMPLETED), document(left, episode_id="E2"))
    tasks = await resources(desk, "Task")
    assert {one["code"]["coding"][0]["code"] for one in tasks} == {"follow-up", "referral"}
    every = [one["id"] for one in tasks]
    found, address = list[str](), "/fhir/Task?_count=1"
    for _ in range(20):
        page = (await desk.get(address)).json()
        found += [one["resource"]["id"] for one in page["entry"]]
        following = [one["url"] for one in page["link"] if one["relation"] == "next"]
        if not following:
            break
        address = following[0].removeprefix("http://aftercare")
    assert found == every
