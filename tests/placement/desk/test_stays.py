"""Stays at programs over HTTP: the first day, leaves, the end; corrected, taken back, and what follows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import admitted, discharged
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.stories import (
    SINCE,
    WHY,
    at_the_program,
    attends,
    refused,
    says,
    seats,
    state,
    until,
    ward_and_back,
)


async def test_a_patient_starts_attends_and_completes_and_the_seat_is_free_from_the_next_day_on(desk: Desk) -> None:
    placement = await at_the_program(desk)
    assert await state(desk) == ("active", "php")
    await attends(desk, placement, "2026-05-07")
    done = await says(desk, placement, "completed", date="2026-05-12", reason="goals-met")
    assert (done["state"], done["how"], done["reason"]) == ("ended", "completed", "goals-met")
    assert await seats(desk) == [(SINCE, until(12))]
    assert await state(desk) == ("between", None)
    assert [one["from_level"] for one in await desk.listed("searches", state="open")] == ["php"]
    names = [name for name in await desk.said() if name in {"started", "stepped-down", "completed", "seat-released"}]
    assert names == ["started", "stepped-down", "completed", "seat-released"]


async def test_a_start_is_refused_before_its_day_inside_a_hospital_stay_and_twice(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    assert await refused(desk, placement, "started", date=DAY) == ("in-the-future", "placed", ["later"])
    desk.clock.forward(timedelta(days=9))
    assert (await refused(desk, placement, "started", date="2026-05-02"))[0] == "inside-24-hour-stay"
    await says(desk, placement, "started", date=DAY, unit="PHP1")
    assert await refused(desk, placement, "started", date="2026-05-07") == (
        "already-open", "started", ["attended", "absent", "leave-started", "completed", "discontinued"],
    )  # fmt: skip


async def test_who_comes_before_the_agreed_day_has_the_seat_from_then_on_if_one_is_free(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=9))
    await says(desk, placement, "started", date="2026-05-05")
    assert await seats(desk) == [("2026-05-05T04:00:00+00:00", None)]


async def test_who_comes_before_the_agreed_day_is_refused_where_the_program_is_full(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1", "GH-PHP-YOUTH")
    kept = {
        "episode_id": "E1",
        "program": "GH-PHP-YOUTH",
        "from": "2026-05-05T00:00:00Z",
        "until": "2026-05-06T04:00:00Z",
    }
    assert [(await desk.post("/api/seats", kept)).status_code for _ in range(10)] == [201] * 10
    desk.clock.forward(timedelta(days=9))
    assert (await refused(desk, placement, "started", date="2026-05-05"))[:2] == ("program-full", "placed")
    await says(desk, placement, "started", date=DAY)


async def test_a_first_day_is_corrected_and_what_rests_on_it_keeps_it_there(desk: Desk) -> None:
    placement = await at_the_program(desk)
    assert (await says(desk, placement, "started-corrected", date="2026-05-07"))["from"] == until(6)
    await attends(desk, placement, "2026-05-08")
    assert await refused(desk, placement, "started-corrected", date="2026-05-09") == (
        "others-rest-on-it", "started", ["attended-withdrawn"],
    )  # fmt: skip
    assert (await says(desk, placement, "started-corrected", date=DAY))["from"] == SINCE
    assert (await desk.feed.billed("E1"))[-1]["start_date"] == DAY


async def test_a_first_day_that_never_was_leaves_the_placement_waiting_with_its_seat(desk: Desk) -> None:
    placement = await at_the_program(desk)
    session = await attends(desk, placement, "2026-05-07")
    assert (await refused(desk, placement, "start-withdrawn", **WHY))[0] == "has-attendance"
    await desk.post(f"/api/sessions/{session['id']}/withdrawn", WHY, role="program")
    absent = {"placement_id": placement, "session_id": "s-2", "date": "2026-05-08", "absent": "no-show"}
    assert (await desk.post("/api/sessions", absent, role="program")).status_code == 201
    assert (await says(desk, placement, "start-withdrawn", **WHY))["state"] == "placed"
    assert await seats(desk) == [(SINCE, None)]
    assert await state(desk) == ("between", None)
    assert (await desk.get("/api/episodes/E1")).json()["episode"]["ineffective"] == 0
    assert (await refused(desk, placement, "start-withdrawn", **WHY))[0] == "not-started"
    assert (await says(desk, placement, "started", date="2026-05-08"))["state"] == "started"


async def test_an_end_is_moved_to_a_later_day_and_the_seat_with_it(desk: Desk) -> None:
    placement = await at_the_program(desk)
    await says(desk, placement, "completed", date="2026-05-08", reason="goals-met")
    assert await seats(desk) == [(SINCE, until(8))]
    moved = await says(desk, placement, "end-corrected", date="2026-05-11")
    assert (moved["to"], moved["reason"]) == (until(11), "goals-met")
    assert await seats(desk) == [(SINCE, until(11))]
    assert (await says(desk, placement, "end-withdrawn", **WHY))["state"] == "started"
    assert await seats(desk) == [(SINCE, None)]
    assert await refused(desk, placement, "end-withdrawn", **WHY) == (
        "not-ended", "started", ["attended", "absent", "leave-started", "completed", "discontinued"],
    )  # fmt: skip


async def test_an_end_that_is_taken_back_when_the_program_has_filled_up_leaves_the_stay_without_a_seat(
    desk: Desk,
) -> None:
    placement = await at_the_program(desk, program="GH-PHP-YOUTH")
    await says(desk, placement, "completed", date="2026-05-08", reason="goals-met")
    kept = {
        "episode_id": "E1",
        "program": "GH-PHP-YOUTH",
        "from": "2026-05-10T00:00:00Z",
        "until": "2026-06-30T00:00:00Z",
    }
    assert [(await desk.post("/api/seats", kept)).status_code for _ in range(10)] == [201] * 10
    back = await says(desk, placement, "end-withdrawn", **WHY)
    assert (back["state"], back["seat"]) == ("started", False)


async def test_an_end_is_moved_to_an_earlier_day_but_not_before_a_session(desk: Desk) -> None:
    placement = await at_the_program(desk)
    await attends(desk, placement, "2026-05-08")
    await says(desk, placement, "discontinued", date="2026-05-13", reason="against-advice")
    assert (await refused(desk, placement, "end-corrected", date="2026-05-07"))[0] == "session-later"
    assert (await refused(desk, placement, "end-corrected", date="2026-05-20"))[0] == "in-the-future"
    assert (await says(desk, placement, "end-corrected", date="2026-05-08"))["to"] == until(8)
    answer = await desk.post(
        f"/api/placements/{placement}/end-corrected", {"date": "2026-05-08", "reason": "goals-met"}
    )
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "reason")


async def test_a_patient_on_leave_is_away_and_back_and_may_have_been_away_before(desk: Desk) -> None:
    placement = await at_the_program(desk)
    assert (await refused(desk, placement, "leave-ended", at="2026-05-12T09:00:00Z"))[0] == "not-on-leave"
    away = {"at": "2026-05-11T13:00:00Z", "kind": "therapeutic", "expected_return": "2026-05-12T13:00:00Z"}
    assert (await says(desk, placement, "leave-started", **away))["on_leave"] is True
    assert await state(desk) == ("on-leave", "php")
    assert (
        await refused(
            desk, placement, "leave-started", **(away | {"at": "2026-05-12T13:00:00Z"} | {"expected_return": None})
        )
    )[0] == "on-leave"
    assert (await says(desk, placement, "leave-ended", at="2026-05-12T13:00:00Z"))["on_leave"] is False
    before = {"at": "2026-05-07T13:00:00Z", "kind": "medical"}
    assert await refused(desk, placement, "leave-started", **before) == (
        "others-rest-on-it", "started", ["leave-started-withdrawn"],
    )  # fmt: skip
    await says(desk, placement, "leave-started", **before, returned_at="2026-05-08T13:00:00Z")
    assert (await refused(desk, placement, "leave-started", at="2026-05-20T13:00:00Z", kind="other"))[
        0
    ] == "in-the-future"
    leave = (await desk.feed.billed("E1"))[-1]["leave"]
    assert [one["kind"] for one in leave] == ["medical", "therapeutic"]


async def test_a_start_that_the_hospital_told_too_is_the_hospitals_to_correct(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=9))
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "visit": "V2", "level": "php", "sequence": 3}
    await desk.feed.bring(admitted("2026-05-06 08:30", unit="PHP1", program="GH-PHP1", **named))
    await says(desk, placement, "started", date=DAY)
    assert len((await desk.get("/api/episodes/E1")).json()["episode"]["stays"]) == 2
    assert await refused(desk, placement, "started-corrected", date="2026-05-07") == (
        "told-by-hospital", "started", ["start-withdrawn"],
    )  # fmt: skip
    assert (await attends(desk, placement, "2026-05-07"))["effect"] == {"counts": True}


# Contract 3.6 rule 10: a discharge that is cancelled after the start.


async def test_a_discharge_cancelled_after_an_unattended_start_takes_it_along_and_attendance_brings_it_back(
    desk: Desk,
) -> None:
    placement = await ward_and_back(desk, attended=False)
    assert await state(desk) == ("active", "inpatient")
    assert [goes_on for _, goes_on in await seats(desk)] == ["2026-05-13T12:00:00+00:00"]
    assert (await desk.listed("conflicts")) == []
    told = await attends(desk, placement, DAY)
    assert told["effect"] == {"counts": True}
    [conflict] = await desk.listed("conflicts", state="open")
    assert conflict["kind"] == "attended-inside-24-hour-stay"
    assert [goes_on for _, goes_on in await seats(desk)] == ["2026-05-13T12:00:00+00:00", None]


async def test_a_discharge_cancelled_after_attendance_raises_a_conflict_and_keeps_the_seat(desk: Desk) -> None:
    await ward_and_back(desk, attended=True)
    assert await state(desk) == ("active", "inpatient")
    assert await seats(desk) == [(SINCE, None)]
    assert [one["kind"] for one in await desk.listed("conflicts", state="open")] == ["attended-inside-24-hour-stay"]


async def test_a_stay_is_suspended_while_the_patient_is_in_hospital_and_goes_on_afterwards(desk: Desk) -> None:
    placement = await at_the_program(desk, program="GH-IOP1", variance_reason="asked")
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "visit": "V2"}
    await desk.feed.bring(replace(admitted("2026-05-09 10:00", **named), sequence=3))
    assert await state(desk) == ("active", "inpatient")
    [listed] = await desk.listed("placements")
    assert (listed["suspended"], listed["seat"]) == (True, True)
    await desk.feed.bring(replace(discharged("2026-05-11 10:00", **named), sequence=4))
    assert await state(desk) == ("active", "iop")
    assert (await desk.listed("searches", state="open")) == []
    await attends(desk, placement, "2026-05-12")
    billed = [(one["level"], one["start_date"], one.get("end_date")) for one in await desk.feed.billed("E1")]
    assert billed == [
        ("inpatient", "2026-05-01", "2026-05-04"),
        ("iop", "2026-05-06", "2026-05-09"),
        ("inpatient", "2026-05-09", "2026-05-11"),
        ("iop", "2026-05-11", None),
    ]


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("started", {"date": "SECRET"}, "date"),
        ("started", {"date": DAY, "unit": "SECRET"}, "unit"),
        ("completed", {"date": DAY, "reason": "Secret words"}, "reason"),
        ("discontinued", {"date": DAY, "reason": "goals-met"}, "reason"),
        ("leave-started", {"at": "2026-05-07T13:00:00", "kind": "other"}, "at"),
        ("leave-started", {"at": "2026-05-07T13:00:00Z", "kind": "SECRET"}, "kind"),
        (
            "leave-started",
            {"at": f"{DAY}T13:00:00Z", "kind": "other", "returned_at": f"{DAY}T12:00:00Z"},
            "returned_at",
        ),
        ("start-withdrawn", {}, "reason"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_field(desk: Desk, what: str, body: dict[str, Any], field: str) -> None:
    answer = await desk.post(f"/api/placements/nobody/{what}", body, role="program")
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "secret" not in answer.text.lower()


async def test_a_program_speaks_of_its_own_patients_only(desk: Desk) -> None:
    placement = await at_the_program(desk)
    path = f"/api/placements/{placement}/completed"
    body = {"date": "2026-05-12", "reason": "goals-met"}
    elsewhere = await desk.post(path, body, role="program", facilities=("RIVERBEND",))
    stale = await desk.post(path, body, role="program", if_match='"1"')
    here = await desk.post(path, body, role="program", facilities=("GOODHEALTH",))
    assert (elsewhere.status_code, stale.status_code, here.status_code) == (404, 412, 200)
