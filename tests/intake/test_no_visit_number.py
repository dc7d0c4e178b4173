"""Messages that name no visit (no PV1-19, PID-18, admit time) find the patient's own, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from services.intake.checks import broken
from services.intake.receiving.receive import Intake
from services.intake.visits.unnamed import Named, visits_of_unnamed
from tests.intake.conftest import Hospital
from tests.intake.said import clock, told

FIRST = Named("V1", clock("2026-01-05 10:00"), clock("2026-01-10 12:00"))
SECOND = Named("V2", clock("2026-01-20 10:00"), None)


@pytest.mark.parametrize(
    ("trigger", "at", "visit"),
    [
        ("A03", "20260125120000", "V2"),
        ("A03", "20260107120000", "V1"),
        ("A03", "20260115120000", "V1"),
        ("A03", "20260101120000", None),
        ("A13", "20260110130000", "V1"),
        ("A08", "20260115120000", "V1"),
        ("A11", "20260121120000", "V2"),
        ("A02", "20260107120000", "V1"),
    ],
    ids=[
        "the open one", "the one open then", "ended: told again", "before all of them",
        "taken back after its end", "an update after its end", "the last begun", "a transfer in the one open then",
    ],
)  # fmt: skip
def test_the_visit_is_the_one_open_then(trigger: str, at: str, visit: str | None) -> None:
    assert visits_of_unnamed([told(1, trigger, at)], [SECOND, FIRST]) == {"m1": visit}


def test_a_transfer_outside_of_every_visit_begins_one_that_the_next_is_of() -> None:
    first, then, end = (
        told(1, "A02", "20260112120000"), told(2, "A06", "20260113120000"), told(3, "A03", "20260114120000"),
    )  # fmt: skip
    for order in permutations((first, then, end)):
        found = visits_of_unnamed(order, [FIRST, SECOND])
        assert len(set(found.values())) == 1
        assert found["m1"] not in {"V1", "V2", None}


STORIES = {
    "a stay that a discharge without number ends": (
        [("A01", "20260310090000", "V1"), ("A03", "20260312100000", "")],
        {("admitted", "2026-03-10"), ("discharged", "2026-03-12")},
    ),
    "two stays, of which the discharge is of the second": (
        [
            ("A01", "20260305090000", "V1"), ("A03", "20260307090000", "V1"),
            ("A01", "20260310090000", "V2"), ("A03", "20260312100000", ""),
        ],
        {("admitted", "2026-03-05"), ("discharged", "2026-03-07"),
         ("admitted", "2026-03-10"), ("discharged", "2026-03-12")},
    ),
    "a discharge taken back, no number anywhere": (
        [("A01", "20260310090000", ""), ("A03", "20260312100000", ""), ("A13", "20260312110000", "")],
        {("admitted", "2026-03-10")},
    ),
    "a transfer and a discharge without number": (
        [("A01", "20260310090000", "V1"), ("A02", "20260311090000", ""), ("A03", "20260312100000", "")],
        {("admitted", "2026-03-10"), ("transferred", "2026-03-11"), ("discharged", "2026-03-12")},
    ),
    "a transfer and a discharge of nobody known": (
        [("A02", "20260311090000", ""), ("A03", "20260312100000", "")],
        {("admitted", "2026-03-11"), ("discharged", "2026-03-12")},
    ),
    "an admission taken back, and what was said of it waits": (
        [("A01", "20260310090000", "V1"), ("A11", "20260310100000", "V1"), ("A03", "20260312100000", "")],
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
@pytest.mark.parametrize("name", STORIES)
async def test_any_order_ends_in_the_same_facts(another: Callable[[], Hospital], name: str, together: bool) -> None:
    story, expected = STORIES[name]
    for order in permutations(story):
        hospital = another()
        told = [_message(hospital, *each) for each in order]
        for batch in [told] if together else [[each] for each in told]:
            assert {answer.code for answer in await hospital.says(*batch)} == {"AA"}
        assert await hospital.standing() == expected, order


def _message(hospital: Hospital, trigger: str, at: str, visit: str) -> bytes:
    pv1 = {45: "", 44: ""} if trigger == "A03" else {}
    return hospital.message(trigger, at, visit=visit, unit="RES" if trigger == "A02" else "3W", pv1=pv1)


async def test_what_finds_no_visit_is_listed_as_waiting_and_put_where_it_belongs_later(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(_message(hospital, "A03", "20260312100000", ""))
    assert await hospital.notes() == [("A03", "waiting", "no-visit")]
    await hospital.tells("A01")
    assert await hospital.names() == ["admitted", "discharged"]
    assert await hospital.notes() == [("A03", "applied", None), ("A01", "applied", None)]
    await hospital.tells("A11", "20260310093000")
    assert await hospital.standing() == set()
    assert (await hospital.notes())[0] == ("A03", "waiting", "no-visit")
    assert [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"] == []


@pytest.mark.parametrize("trigger", ["A05", "A28", "A31"])
async def test_what_is_of_the_person_alone_is_kept_and_updates_the_person(hospital: Hospital, trigger: str) -> None:
    await hospital.tells("A01")
    hospital.name = "MARKERLATER"
    raw = hospital.message(trigger, "20260311090000", visit="", pv1={44: ""})
    assert [answer.code for answer in await hospital.says(raw)] == ["AA"]
    assert (await hospital.notes())[-1] == (trigger, "kept", None)
    assert b"MARKERLATER" in await hospital.identity()
