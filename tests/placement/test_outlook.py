"""Authorized days burn while the patient is in the house: each midnight up to today, by the facility's day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.billing.outlook import as_of, outlooks
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.period_builders import content_of
from tests.placement.test_authorizations import billed_of

COVER = tell.covered("2026-03-01 09:00", payer="ACME", effective="2026-03-01")
IN = tell.admitted("2026-03-02 10:00")
FIRST = date(2026, 3, 2)
AWAY = tell.leave_started("2026-03-04 09:00")
BACK = tell.leave_ended("2026-03-06 18:00")


def allowed(units: int | None = 5, to: str = "2026-04-30", **more: Any) -> Fact:
    told: dict[str, Any] = {"level": "inpatient", "begins": "2026-03-02", "when": "2026-03-02 11:00"} | more
    return tell.authorization(units=units, to=to, **told)


def today(days: int, *facts: Fact) -> dict[str, dict[str, Any]]:
    """auth → used, left, over so many days after the admission."""
    folded = tell.folded(COVER, *facts)
    found = outlooks(billed_of(folded), folded)
    limits = {one.auth_id: one.units for one in folded.authorizations}
    return {
        one.allowance.auth_id: as_of(
            one.told() | {"units": limits[one.allowance.auth_id]}, FIRST + timedelta(days=days)
        )
        for one in found
    }


@pytest.mark.parametrize(
    ("days", "more", "expected"),
    [
        (0, [IN, allowed()], {"used": 0, "left": 5}),
        (1, [IN, allowed()], {"used": 1, "left": 4}),
        (5, [IN, allowed()], {"used": 5, "left": 0}),
        (40, [IN, allowed()], {"used": 5, "left": 0, "over": 35}),
        (40, [IN, allowed(to="2026-03-06")], {"used": 5, "left": 0, "over": 35}),
        (40, [IN, allowed(units=90)], {"used": 40, "left": 50}),
        (40, [IN, allowed(units=90, to="2026-03-11")], {"used": 10, "left": 80, "over": 30}),
        (40, [IN, allowed(units=None)], {"used": 40}),
        (400, [IN, allowed(units=None, to="2099-12-31")], {"used": 400}),
        (3, [IN, AWAY, allowed()], {"used": 2, "left": 3}),
        (40, [IN, AWAY, allowed()], {"used": 2, "left": 3}),
        (8, [IN, AWAY, BACK, allowed(units=9)], {"used": 6, "left": 3}),
        (40, [IN, tell.discharged("2026-03-09 14:00"), allowed()], {"used": 5, "left": 0, "over": 2}),
        (40, [IN, tell.discharged("2026-03-05 14:00"), allowed()], {"used": 3, "left": 2}),
        (40, [IN, allowed(level="php")], {"used": 0, "left": 5}),
        (40, [IN, allowed(payer="SELF")], {"used": 0, "left": 5}),
        (9, [tell.admitted("2026-03-02 10:00", level="residential"), allowed(level="residential")],
         {"used": 5, "left": 0, "over": 4}),
        (9, [IN, allowed(units=0)], {"used": 0, "left": 0, "over": 9}),
    ],
)  # fmt: skip
def test_each_midnight_in_the_house_uses_a_day(days: int, more: list[Fact], expected: dict[str, Any]) -> None:
    assert today(days, *more) == {"A1": expected}


def test_of_two_the_earliest_to_expire_burns_first_and_what_is_too_much_is_beyond_the_last() -> None:
    both = [IN, allowed(units=3, to="2026-03-10", auth="A1"), allowed(units=4, to="2026-04-10", auth="A2")]
    assert today(5, *both) == {"A1": {"used": 3, "left": 0}, "A2": {"used": 2, "left": 2}}
    assert today(10, *both) == {"A1": {"used": 3, "left": 0}, "A2": {"used": 4, "left": 0, "over": 3}}


@pytest.mark.parametrize(
    ("more", "day"),
    [
        ([allowed()], "2026-03-07"),
        ([allowed(to="2026-03-04")], "2026-03-06"),
        ([allowed(units=None)], "2026-05-02"),
        ([AWAY, allowed()], None),
        ([AWAY, BACK, allowed()], "2026-03-09"),
        ([tell.discharged("2026-03-05 14:00"), allowed()], None),
        ([allowed(units=0)], "2026-03-02"),
    ],
)
def test_the_day_from_which_nothing_is_left_is_known_beforehand(more: list[Fact], day: str | None) -> None:
    folded = tell.folded(COVER, IN, *more)
    [one] = outlooks(billed_of(folded), folded)
    assert one.nothing_left_on() == (date.fromisoformat(day) if day else None)


DAYS = st.integers(0, 25).map(lambda number: FIRST + timedelta(days=number))
ALLOWED = st.lists(st.tuples(DAYS, st.integers(0, 12), st.one_of(st.none(), st.integers(0, 6))), max_size=3)
LEAVE = st.one_of(st.none(), st.tuples(st.integers(1, 8), st.integers(0, 6)))


@given(ALLOWED, LEAVE, st.integers(10, 30))
def test_used_up_to_today_is_what_a_discharge_today_would_bill(
    spans: list[tuple[date, int, int | None]], leave: tuple[int, int] | None, days: int
) -> None:
    """The oracle is the bill that the stay would have if it ended today."""
    told = [
        allowed(units, (since + timedelta(days=length)).isoformat(), auth=f"A{n}", begins=since.isoformat())
        for n, (since, length, units) in enumerate(spans)
    ]
    away = []
    if leave:
        gone, back = FIRST + timedelta(days=leave[0]), FIRST + timedelta(days=sum(leave))
        away = [tell.leave_started(f"{gone} 09:00"), tell.leave_ended(f"{back} 18:00")]
    end = tell.discharged(f"{FIRST + timedelta(days=days)} 23:00")
    folded = tell.folded(COVER, IN, *away, *told, end)
    [left] = billed_of(folded)
    billed = {one["number"]: one["units_used"] for one in content_of(left)["authorizations"]}
    found = today(days, IN, *away, *told)
    assert {f"no-{auth}": one["used"] for auth, one in found.items() if f"no-{auth}" in billed} == billed
    assert all(one.get("left", 0) >= 0 and one.get("over", 1) > 0 for one in found.values())
    assert today(days, IN, *away, *told, end) == found, "and the discharge changes nothing of it"
