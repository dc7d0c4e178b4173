"""By when a program answers, in its business hours; and who is first in its waiting line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.search.answering import Waiter, answer_by, in_order
from shared.site.config import SAMPLE, load
from shared.site.needs import LinePoints, WaitingLine
from shared.site.values import Answering, Program

SITE = load(SAMPLE)
ZONE = ZoneInfo("America/New_York")
BASE = next(each for each in SITE.programs if each.id == "GH-PHP1")
TODAY = date(2026, 3, 9)


def answers(within: int, *office: tuple[str, str, str]) -> Program:
    """A program that answers within so many hours of its office: (days, from, to); weekdays from 8 to 5 without."""
    told: dict[str, object] = {"within_hours": within}
    if office:
        told["office"] = [{"days": days.split(), "from": begins, "to": ends} for days, begins, ends in office]
    return BASE.model_copy(update={"answering": Answering.model_validate(told)})


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("within", "asked", "by"),
    [
        (4, "2026-03-09T09:00", "2026-03-09T13:00"),
        (4, "2026-03-09T15:00", "2026-03-10T10:00"),
        (4, "2026-03-09T05:00", "2026-03-09T12:00"),
        (4, "2026-03-06T15:30", "2026-03-09T10:30"),  # Friday afternoon → Monday
        (4, "2026-03-07T11:00", "2026-03-09T12:00"),  # Saturday
        (9, "2026-03-09T08:00", "2026-03-09T17:00"),
        (10, "2026-03-09T08:00", "2026-03-10T09:00"),
        (48, "2026-03-09T08:00", "2026-03-16T11:00"),
    ],
)
def test_the_deadline_counts_business_hours(within: int, asked: str, by: str) -> None:
    assert answer_by(answers(within), local(asked), ZONE) == local(by)


def test_a_program_s_own_office_hours_count_and_on_the_day_the_clocks_change_as_long_as_they_are() -> None:
    evenings = answers(5, ("mon wed", "16:00", "20:00"))
    assert answer_by(evenings, local("2026-03-09T19:00"), ZONE) == local("2026-03-11T20:00")
    sundays = answers(4, ("sun", "00:00", "04:00"))  # 8 March has no hour from two to three
    assert answer_by(sundays, local("2026-03-07T12:00"), ZONE) == local("2026-03-15T01:00")


def test_a_program_without_a_deadline_has_none() -> None:
    assert answer_by(BASE.model_copy(update={"answering": None}), local("2026-03-09T09:00"), ZONE) is None


@given(st.integers(1, 240), st.integers(0, 525_600), st.integers(0, 600))
def test_who_is_asked_later_answers_no_sooner_and_never_before_the_hours_are_over(
    within: int, at: int, minutes: int
) -> None:
    program, now = answers(within), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    first = answer_by(program, now, ZONE)
    later = answer_by(program, now + timedelta(minutes=minutes), ZONE)
    assert first is not None
    assert later is not None
    assert now + timedelta(hours=within) <= first <= later
    assert first.astimezone(ZONE).weekday() < 5
    assert 8 <= first.astimezone(ZONE).hour <= 17


def waiter(name: str, *, waits_since: str = "2026-03-08T12:00", began: str = "2026-03-07", **needs: str) -> Waiter:
    told = {key: (value,) for key, value in needs.items()}
    return Waiter(name, f"of-{name}", local(waits_since), date.fromisoformat(began), {"also": told} if told else {})


def test_the_line_goes_by_the_site_s_points_then_by_who_waits_longer() -> None:
    line = WaitingLine(
        per_day=2,
        needs=(LinePoints(need="risk", value="high", points=10), LinePoints(need="legal_status", points=3)),
    )
    found = in_order(
        line,
        [
            waiter("new"),
            waiter("risk", risk="high"),
            waiter("low-risk", risk="low", waits_since="2026-03-08T13:00"),
            waiter("court", legal_status="court-ordered"),
            waiter("old", began="2026-03-01"),
            waiter("longer", waits_since="2026-03-08T09:00"),
            waiter("to-come", began="2026-03-20"),
        ],
        TODAY,
    )
    assert [one.entry_id for one in found] == ["old", "risk", "court", "longer", "new", "low-risk", "to-come"]


@given(st.permutations([waiter(str(n), risk="high" if n % 2 else "low", began=f"2026-03-0{n + 1}") for n in range(6)]))
def test_the_line_is_the_same_whoever_came_first_from_the_database(found: list[Waiter]) -> None:
    expected = sorted(found, key=lambda one: one.entry_id)
    assert in_order(SITE.waiting_line, found, TODAY) == in_order(SITE.waiting_line, expected, TODAY)
