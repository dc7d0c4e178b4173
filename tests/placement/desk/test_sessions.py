"""Sessions over HTTP: told, corrected, taken back; listed with the effect that each has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.stories import WHY, at_the_program, attends, says, ward_and_back

GROUP = {"kind": "group", "units": 1, "minutes": 90, "code": "GRP-90", "mode": "telehealth", "npi": "1000000012"}


async def tells(desk: Desk, placement: str, **body: Any) -> httpx.Response:
    told = {"placement_id": placement, "session_id": "s-1", "date": "2026-05-07", **body}
    return await desk.post("/api/sessions", told, role="program")


async def test_a_session_is_told_with_what_was_given_and_is_billed(desk: Desk) -> None:
    placement = await at_the_program(desk)
    answer = await tells(desk, placement, group="A", services=[GROUP])
    told = answer.json()
    assert (answer.status_code, told["state"], told["group"], told["program"]) == (201, "attended", "A", "GH-PHP1")
    assert (told["services"], told["effect"]) == ([GROUP], {"counts": True})
    assert (await desk.get(f"/api/sessions/{told['id']}")).json() == told
    days = (await desk.feed.billed("E1"))[-1]["days"]
    assert [(one["date"], one["services"][0]["minutes"]) for one in days] == [("2026-05-07", 90)]


async def test_a_session_that_was_missed_is_told_with_its_reason(desk: Desk) -> None:
    placement = await at_the_program(desk)
    told = (await tells(desk, placement, absent="no-show")).json()
    assert (told["state"], told["reason"], told["effect"]) == ("absent", "no-show", {"counts": True})


async def test_a_session_is_corrected_in_one_step_and_keeps_its_id(desk: Desk) -> None:
    placement = await at_the_program(desk)
    first = (await tells(desk, placement, services=[GROUP])).json()
    path = f"/api/sessions/{first['id']}/corrected"
    for body, expected in (
        ({"date": "2026-05-08", "services": [GROUP]}, ("attended", "2026-05-08")),
        ({"date": "2026-05-08", "absent": "excused"}, ("absent", "2026-05-08")),
        ({"date": "2026-05-07", "group": "B"}, ("attended", "2026-05-07")),
    ):
        answer = await desk.post(path, body, role="clinician")
        assert (answer.status_code, answer.json()["id"]) == (200, first["id"])
        assert (answer.json()["state"], answer.json()["date"]) == expected
    assert [one["id"] for one in await desk.listed("sessions", placement_id=placement)] == [first["id"]]
    assert (await desk.said()).count("fact-cancelled") == 0
    assert (await desk.get("/api/episodes/E1")).json()["episode"]["ineffective"] == 0


async def test_a_session_told_by_mistake_is_taken_back_once_and_may_be_told_anew(desk: Desk) -> None:
    placement = await at_the_program(desk)
    told = (await tells(desk, placement, services=[GROUP])).json()
    path = f"/api/sessions/{told['id']}"
    gone = await desk.post(f"{path}/withdrawn", WHY, role="program")
    assert (gone.status_code, gone.json()["state"], gone.json()["effect"]) == (200, "withdrawn", {"counts": False})
    again = await desk.post(f"{path}/withdrawn", WHY, role="program")
    assert (again.status_code, again.json()["state"]) == (409, "withdrawn")
    late = await desk.post(f"{path}/corrected", {"date": "2026-05-08"}, role="program")
    assert (late.status_code, late.json()["type"]) == (409, "urn:stepdown:problem:withdrawn")
    assert (await tells(desk, placement, services=[GROUP])).status_code == 201
    assert [one["state"] for one in await desk.listed("sessions", episode_id="E1")] == ["withdrawn", "attended"]


async def test_sessions_are_named_within_their_stay(desk: Desk) -> None:
    here, there = await at_the_program(desk, "E1"), await at_the_program_too(desk)
    assert (await tells(desk, here)).status_code == 201
    assert (await tells(desk, there)).status_code == 201
    twice = await tells(desk, here, date="2026-05-08")
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:stepdown:problem:already-told")


async def at_the_program_too(desk: Desk) -> str:
    desk.clock.forward(timedelta(days=-9))
    return await at_the_program(desk, "E2")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"date": "2026-05-05"}, "not-open"),
        ({"date": "2026-05-20"}, "in-the-future"),
        ({"date": "2026-05-13"}, "ended"),
        ({"date": "2026-05-11"}, "on-leave"),
        ({"date": "2026-05-11", "absent": "excused"}, None),
        ({"group": "C"}, "unknown-group"),
    ],
)
async def test_a_session_is_refused_by_its_day_and_group(desk: Desk, body: dict[str, Any], code: str | None) -> None:
    placement = await at_the_program(desk)
    away = {"at": "2026-05-10T13:00:00Z", "kind": "medical", "returned_at": "2026-05-12T13:00:00Z"}
    await says(desk, placement, "leave-started", **away)
    await says(desk, placement, "completed", date="2026-05-12", reason="goals-met")
    answer = await tells(desk, placement, **body)
    assert answer.status_code == (201 if code is None else 409)
    if code is not None:
        assert (answer.json()["type"], answer.json()["state"]) == (f"urn:stepdown:problem:{code}", "ended")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"date": "SECRET"}, "date"),
        ({"group": "SECRET"}, "group"),
        ({"absent": "SECRET"}, "absent"),
        ({"absent": "no-show", "services": [GROUP]}, "absent"),
        ({"services": [GROUP | {"minutes": -1}]}, "services.0.minutes"),
        ({"services": [GROUP | {"minutes": 1441}]}, "services.0.minutes"),
        ({"services": [GROUP | {"mode": "SECRET"}]}, "services.0.mode"),
        ({"services": [GROUP | {"npi": "1000000013"}]}, "services.0.npi"),
        ({"services": [GROUP | {"kind": "Secret words"}]}, "services.0.kind"),
        ({"services": [GROUP | {"code": "SECRET words"}]}, "services.0.code"),
        ({"services": [GROUP | {"SECRET": 1}]}, "services.0.?"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    answer = await tells(desk, "nobody", **body)
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "secret" not in answer.text.lower()


async def test_sessions_are_listed_page_by_page_by_their_day_and_of_one_patient(desk: Desk) -> None:
    placement = await at_the_program(desk)
    for day in (9, 7, 8, 12):
        await attends(desk, placement, f"2026-05-{day:02}")
    await tells(desk, placement, session_id="s-x", date="2026-05-11", absent="no-show")
    found, query = [], {"placement_id": placement, "limit": "2"}
    for _ in range(3):
        page = (await desk.get("/api/sessions", query)).json()
        found += [one["date"][-2:] for one in page["sessions"]]
        query["cursor"] = page["next"] or ""
    assert found == ["07", "08", "09", "11", "12"]
    assert [one["date"] for one in await desk.listed("sessions", episode_id="E1", state="absent")] == ["2026-05-11"]
    assert await desk.listed("sessions", episode_id="E2", placement_id=placement) == []
    assert await desk.listed("sessions", episode_id="nobody") == []
    elsewhere = await desk.get("/api/sessions", {"episode_id": "E1"}, role="program", facilities=("RIVERBEND",))
    assert elsewhere.json()["sessions"] == []
    answer = await desk.get("/api/sessions")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "episode_id")


async def test_a_session_says_why_it_has_no_effect(desk: Desk) -> None:
    placement = await ward_and_back(desk, attended=True)
    told = (await desk.listed("sessions", placement_id=placement))[0]
    [conflict] = await desk.listed("conflicts")
    await desk.post(f"/api/conflicts/{conflict['id']}/settled", {"falls": [told["id"]]})
    shown = (await desk.get(f"/api/sessions/{told['id']}")).json()
    assert shown["effect"] == {
        "counts": False, "word": "settled", "means": "a person settled a conflict, and this fact fell",
    }  # fmt: skip


async def test_the_last_attendance_taken_back_lets_the_start_go_with_its_discharge(desk: Desk) -> None:
    placement = await ward_and_back(desk, attended=True)
    told = (await desk.listed("sessions", placement_id=placement))[0]
    assert (await desk.post(f"/api/sessions/{told['id']}/withdrawn", WHY)).status_code == 200
    assert await desk.listed("conflicts", state="open") == []
    assert [one["state"] for one in await desk.listed("placements")] == ["placed"]
    assert date_of(await desk.listed("sessions", episode_id="E1")) == [DAY]


def date_of(found: list[dict[str, Any]]) -> list[str]:
    return [one["date"] for one in found]
