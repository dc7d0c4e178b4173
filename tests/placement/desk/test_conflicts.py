"""Conflicts over HTTP: raised with their facts in words, settled by a person once, and the fold follows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.placement.desk.conftest import Desk
from tests.placement.desk.stories import seats, state, ward_and_back


async def _conflict(desk: Desk) -> dict[str, Any]:
    await ward_and_back(desk, attended=True)
    [conflict] = await desk.listed("conflicts", state="open")
    return conflict


def _which(conflict: dict[str, Any], name: str) -> str:
    [found] = [one["ce_id"] for one in conflict["facts"] if one["type"] == f"care.{name}.v1"]
    return str(found)


async def _settles(desk: Desk, conflict: dict[str, Any], *falls: str) -> httpx.Response:
    return await desk.post(f"/api/conflicts/{conflict['id']}/settled", {"falls": list(falls)}, role="clinician")


async def test_a_conflict_says_in_words_what_contradicts_what(desk: Desk) -> None:
    conflict = await _conflict(desk)
    assert conflict["kind"] == "attended-inside-24-hour-stay"
    stay = f"placement {(await desk.listed('placements'))[0]['id']}"
    assert sorted(one["says"] for one in conflict["facts"]) == [
        "admitted inpatient 3W (visit V1) on 2026-05-01, said by the hospital",
        f"attended a session ({stay}) on 2026-05-06, said by the program or the desk",
    ]


async def test_when_the_attendance_falls_the_start_goes_with_it_and_the_seat(desk: Desk) -> None:
    conflict = await _conflict(desk)
    answer = await _settles(desk, conflict, _which(conflict, "attended"))
    assert (answer.status_code, answer.json()["state"], answer.json()["kind"]) == (200, "settled", conflict["kind"])
    assert answer.json()["facts"] == conflict["facts"]
    assert await state(desk) == ("active", "inpatient")
    assert [until is None for _, until in await seats(desk)] == [False]
    [session] = await desk.listed("sessions", episode_id="E1")
    assert session["effect"]["word"] == "settled"


async def test_when_the_hospital_stay_falls_the_program_stay_goes_on_alone(desk: Desk) -> None:
    conflict = await _conflict(desk)
    assert (await _settles(desk, conflict, _which(conflict, "admitted"))).status_code == 200
    assert await state(desk) == ("active", "php")
    assert [until is None for _, until in await seats(desk)] == [True]
    assert [one["level"] for one in await desk.feed.billed("E1")] == ["php"]


async def test_both_may_be_so_and_what_was_settled_is_settled_once(desk: Desk) -> None:
    conflict = await _conflict(desk)
    assert (await _settles(desk, conflict)).json()["falls"] == []
    assert await state(desk) == ("active", "inpatient")
    again = await _settles(desk, conflict)
    assert (again.status_code, again.json()["state"], again.json()["type"]) == (
        409, "settled", "urn:stepdown:problem:settled",
    )  # fmt: skip
    assert (await desk.get("/api/episodes/E1")).json()["episode"]["conflicts"] == 0
    assert (await desk.said()).count("conflict-settled") == 1


async def test_only_facts_of_the_conflict_fall(desk: Desk) -> None:
    conflict = await _conflict(desk)
    answer = await _settles(desk, conflict, "another")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:not-of-it")
    assert sorted(answer.json()["possible"]) == sorted(one["ce_id"] for one in conflict["facts"])


@pytest.mark.parametrize("body", [{}, {"falls": "x"}, {"falls": [""]}])
async def test_what_falls_is_said(desk: Desk, body: dict[str, Any]) -> None:
    answer = await desk.post("/api/conflicts/nobody/settled", body)
    assert (answer.status_code, answer.json()["fields"][0]["field"].split(".")[0]) == (422, "falls")
