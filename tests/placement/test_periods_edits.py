"""The warnings that periods of one episode give by themselves (contract 4), by the table of their payer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from services.placement.continuum.model import Away, Folded, Session, StayState
from services.placement.continuum.standing import StandingPlan
from shared.events.levels import Level
from shared.site.payers import NO_EDITS, Edits
from tests.placement.period_builders import (
    ATTENDED,
    MEDICARES,
    ZONES,
    at,
    attended,
    day,
    derived,
    episode,
    missed,
    stay,
)


def _warnings(folded: Folded, edits: Edits = ATTENDED) -> dict[str, list[str]]:
    return {one.key.root: list(one.content.warnings) for one in derived(folded, edits)}


def test_two_stays_that_share_days_are_flagged_in_both() -> None:
    found = _warnings(episode(stay("a", ("03-02", "iop"), end="03-05 12:00"), stay("b", ("03-05", "outpatient"))))
    assert found == {"a-0": ["overlap"], "b-0": ["overlap"]}


def test_stays_on_neighbouring_days_are_not_flagged() -> None:
    found = _warnings(episode(stay("a", ("03-02", "iop"), end="03-05 12:00"), stay("b", ("03-06", "outpatient"))))
    assert found == {"a-0": [], "b-0": []}


def test_a_day_attended_inside_a_hospital_stay_is_flagged() -> None:
    program = stay("p", ("03-02", "outpatient"), sessions=[attended("03-06")])
    found = _warnings(episode(program, stay("h", ("03-05 10:00", "inpatient"))))
    assert found == {"p-0": [], "fact-at-03-06": ["inpatient-overlap", "overlap"], "h-0": ["overlap"]}


@pytest.mark.parametrize(
    ("why", "php_end", "sessions", "flagged"),
    [
        ("the day before", "03-09 12:00", [], True),
        ("seven days before", "03-03 12:00", [], True),
        ("eight days before", "03-02 12:00", [], False),
        ("the last service is what counts", "03-09 12:00", ["03-02"], False),
        ("a service within the week", "03-09 12:00", ["03-02", "03-03"], True),
        ("overlapping", "03-12 12:00", [], True),
    ],
)
def test_an_iop_soon_after_a_php_of_the_same_provider(
    why: str, php_end: str, sessions: list[str], flagged: bool
) -> None:
    php = stay("php", ("02-20", "php"), end=php_end, sessions=[attended(one, 6 * 60) for one in sessions])
    found = _warnings(episode(php, stay("iop", ("03-10", "iop"))))
    assert ("seven-day-rule" in found["iop-0"]) == flagged, why
    assert "seven-day-rule" not in found["php-0"]


def test_an_iop_of_another_provider_may_follow_at_once() -> None:
    php = stay("php", ("02-20", "php"), end="03-09 12:00")
    assert _warnings(episode(php, stay("iop", ("03-10", "iop"), zone=ZONES["WESTSIDE"])))["iop-0"] == []


@pytest.mark.parametrize(
    ("back", "flagged"),
    [("03-05 20:00", True), ("03-06 09:00", True), ("03-07 23:00", True), ("03-08 00:30", False)],
)
def test_back_in_hospital_before_the_third_midnight_is_an_interrupted_stay(back: str, flagged: bool) -> None:
    first = stay("a", ("03-02 09:00", "inpatient"), end="03-05 11:00")
    found = _warnings(episode(first, stay("b", (back, "inpatient"))))
    assert [("interrupted-stay" in words) for words in found.values()] == [flagged, flagged]


def _week(level: str, *minutes: int, **more: object) -> StayState:
    """From Monday, 2 March: sessions on the days of the first week, and one on the ninth day."""
    sessions: list[Session] = []
    for number, length in enumerate(minutes):
        sessions.append(attended(f"{day('03-02') + timedelta(days=number):%m-%d}", length))
    return stay("p", ("03-02", level), sessions=[*sessions, attended("03-10", 60)], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("why", "level", "minutes", "flagged"),
    [
        ("nine hours of IOP", "iop", (180, 180, 180), False),
        ("a minute less", "iop", (180, 180, 179), True),
        ("twenty hours of PHP", "php", (300, 300, 300, 300), False),
        ("a minute less", "php", (300, 300, 300, 299), True),
        ("outpatient has no minimum", "outpatient", (10,), False),
    ],
)
def test_a_full_week_with_fewer_hours_than_the_level_needs(
    why: str, level: str, minutes: tuple[int, ...], flagged: bool
) -> None:
    assert ("hours-under-minimum" in _warnings(episode(_week(level, *minutes)))["p-0"]) == flagged, why


@pytest.mark.parametrize(
    ("why", "told", "flagged"),
    [
        ("a week not over yet", stay("p", ("03-02", "iop"), sessions=[attended("03-03")]), False),
        (
            "the end of a shorter stay",
            stay("p", ("03-02", "iop"), end="03-06 12:00", sessions=[attended("03-03")]),
            False,
        ),
        ("no session recorded at all", stay("p", ("03-02", "iop"), end="03-20 12:00"), False),
        ("a week of missed sessions", stay("p", ("03-02", "iop"), end="03-20 12:00", sessions=[missed("03-03")]), True),
        ("exactly one week", stay("p", ("03-02", "iop"), end="03-08 12:00", sessions=[attended("03-03")]), True),
        (
            "a week with leave",
            _week("iop", 60, away=[Away(at("03-04 09:00"), at("03-06 09:00"), "medical", "leave")]),
            False,
        ),
    ],
)
def test_only_full_weeks_with_sessions_and_without_leave_are_judged(why: str, told: StayState, flagged: bool) -> None:
    assert ("hours-under-minimum" in _warnings(episode(told))["p-0"]) == flagged, why


def _planned(*told: tuple[str, str, float]) -> tuple[StandingPlan, ...]:
    """Plans of (day, level, hours a week) at GOODHEALTH."""
    return tuple(
        StandingPlan(at(on), "GOODHEALTH", Level(level), hours, day("04-01"), f"plan-{on}") for on, level, hours in told
    )


@pytest.mark.parametrize(
    ("why", "plans", "flagged"),
    [
        ("twenty hours", [("03-02", "php", 20.0)], False),
        ("fewer", [("03-02", "php", 19.5)], True),
        ("no plan says otherwise", [], False),
        ("a plan for another level", [("03-02", "iop", 9.0)], False),
        ("a plan of before the stay is in force", [("02-20", "php", 12.0)], True),
        ("one that another took the place of before the stay", [("02-20", "php", 12.0), ("03-02", "php", 20.0)], False),
        ("one that comes later in the stay", [("03-02", "php", 20.0), ("03-09", "php", 16.0)], True),
        ("one that comes after the stay", [("03-02", "php", 20.0), ("03-21", "php", 16.0)], False),
    ],
)
def test_hours_are_looked_up_on_the_plan_of_care(why: str, plans: list[tuple[str, str, float]], flagged: bool) -> None:
    folded = replace(episode(stay("p", ("03-02", "php"), end="03-20 12:00")), plans=_planned(*plans))
    assert ("hours-under-minimum" in _warnings(folded, MEDICARES)["p-0"]) == flagged, why


def test_a_session_by_telehealth_is_not_covered_where_the_payer_says_so() -> None:
    remote = attended("03-03")
    remote = replace(remote, services=tuple(structs.replace(one, mode="telehealth") for one in remote.services))
    folded = episode(stay("p", ("03-02", "iop"), sessions=[remote]))
    assert _warnings(folded, MEDICARES)["p-0"] == ["telehealth-not-covered"]
    assert _warnings(episode(stay("p", ("03-02", "iop"), sessions=[attended("03-03")])), MEDICARES)["p-0"] == []


def test_a_payer_without_a_table_looks_at_nothing() -> None:
    php = stay("php", ("02-20", "php"), end="03-09 12:00", sessions=[attended("02-21", 10)])
    iop = stay("iop", ("03-10", "iop"), sessions=[attended("03-11", 10)])
    hospital = (
        stay("a", ("01-02", "inpatient"), end="01-05 11:00"),
        stay("b", ("01-06", "inpatient"), end="01-09 11:00"),
    )
    assert not any(_warnings(episode(*hospital, php, iop), NO_EDITS).values())
    assert any(_warnings(episode(*hospital, php, iop), MEDICARES).values())
