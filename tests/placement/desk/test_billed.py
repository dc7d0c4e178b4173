"""Payers and diagnoses that the desk tells, over HTTP: the bill has them where no hospital told them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import a_story, referred
from tests.placement.desk.conftest import DAY, Desk

SINCE = "2026-05-04"


@pytest.fixture
async def placement(desk: Desk) -> str:
    """Somebody referred, whom no hospital told of, at the program since the 6th."""
    named: dict[str, Any] = {"episode": "E1", "facility": "GOODHEALTH", "patient_id": "patient-E1"}
    await desk.feed.bring(*a_story(referred("2026-05-03 09:00", requested_level="php", **named)))
    made = await desk.places("E1")
    desk.clock.forward(timedelta(days=4))
    assert (await desk.post(f"/api/placements/{made}/started", {"date": DAY}, role="program")).status_code == 200
    return made


async def covers(desk: Desk, *payers: str, since: str = SINCE, **more: Any) -> Any:
    body = {"effective_from": since, "coverage": [{"payer": payer} for payer in payers]}
    return await desk.post("/api/episodes/E1/covered", body, role="billing", **more)


async def periods(desk: Desk) -> list[tuple[str, str, str | None]]:
    """(payer, first day, end) of the periods that are not void."""
    found = (await desk.get("/api/episodes/E1")).json()["periods"]
    return [(one["payer"], one["start_date"], one.get("end_date")) for one in found if not one["voided"]]


async def test_payers_that_the_desk_tells_are_those_of_the_bill(desk: Desk, placement: str) -> None:
    assert await periods(desk) == [("unknown", DAY, None)]
    assert (await covers(desk, "ACME", "MEDICAID")).status_code == 200
    assert await periods(desk) == [("ACME", DAY, None)]
    assert (await covers(desk, "MEDICAID", since="2026-05-07")).status_code == 200
    assert await periods(desk) == [("ACME", DAY, "2026-05-07"), ("MEDICAID", "2026-05-07", None)]


async def test_payers_told_again_for_a_day_take_the_place_of_those_before(desk: Desk, placement: str) -> None:
    await covers(desk, "ACME")
    assert (await covers(desk, "SELF")).status_code == 200
    assert await periods(desk) == [("SELF", DAY, None)]
    same = await covers(desk, "SELF")
    assert (same.status_code, same.json()["type"].rpartition(":")[2]) == (409, "already-so")
    facts = (await desk.get("/api/episodes/E1")).json()["facts"]
    told = [one for one in facts if one["type"] == "care.coverage-changed.v1"]
    assert [one["stands"] for one in told] == [False, True]
    assert told[1]["value"]["replaces"] == told[0]["ce_id"]


@pytest.mark.parametrize(
    ("payers", "since", "status", "says"),
    [
        (("NOBODY",), SINCE, 422, "coverage.0.payer"),
        (("ACME", "ACME"), SINCE, 422, "coverage.1.payer"),
        ((), SINCE, 422, "coverage"),
        (("ACME",), "2026-06-01", 409, "in-the-future"),
    ],
)
async def test_payers_that_the_site_does_not_have_and_days_to_come_are_refused(
    desk: Desk, placement: str, payers: tuple[str, ...], since: str, status: int, says: str
) -> None:
    answer = await covers(desk, *payers, since=since)
    assert answer.status_code == status
    assert says in answer.text
    assert "NOBODY" not in answer.text


async def test_a_diagnosis_of_a_program_stay_is_on_its_bill_and_can_be_said_anew(desk: Desk, placement: str) -> None:
    path, body = f"/api/placements/{placement}/diagnosed", {"system": "I10", "code": "F33.2"}
    assert (await desk.post(path, body, role="clinician")).status_code == 200
    assert (await desk.post(path, body | {"rank": 2}, role="clinician")).status_code == 200
    assert (await desk.post(path, {"system": "I10", "code": "F41.1"}, role="program")).status_code == 200
    assert (await desk.post(path, body | {"rank": 2}, role="clinician")).status_code == 409
    [period] = (await desk.get("/api/episodes/E1")).json()["periods"]
    assert period["diagnoses"] == [
        {"system": "I10", "code": "F41.1", "rank": 1, "type": "principal"},
        {"system": "I10", "code": "F33.2", "rank": 2, "type": "other"},
    ]


async def test_a_stay_that_has_not_begun_has_no_diagnosis(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    answer = await desk.post(f"/api/placements/{placement}/diagnosed", {"system": "I10", "code": "F33.2"})
    assert (answer.status_code, answer.json()["possible"]) == (409, ["started"])
