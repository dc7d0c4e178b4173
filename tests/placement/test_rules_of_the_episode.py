"""Contract 3.6 rule 10, conflicts, closings and the state of an episode, as stories of one patient."""

from __future__ import annotations

import pytest

from services.placement.continuum.fold import advance
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders import every_order, levels

# Rule 10


def inpatient(until: str | None = None) -> list[Fact]:
    return [tell.admitted("2026-03-02 10:00"), *([tell.discharged(until)] if until else [])]


@pytest.mark.parametrize(
    ("day", "until", "word"),
    [
        ("2026-03-02", "2026-03-09 14:00", None),  # the day of admission is not wholly inside
        ("2026-03-03", "2026-03-09 14:00", "inside-24-hour-stay"),
        ("2026-03-08", "2026-03-09 14:00", "inside-24-hour-stay"),
        ("2026-03-09", "2026-03-09 14:00", None),  # nor is the leaving day
        ("2026-03-09", "2026-03-10 00:00", None),  # 00:00 is 24:00 of the day before
        ("2026-03-09", "2026-03-10 00:01", "inside-24-hour-stay"),
        ("2026-03-09", None, "inside-24-hour-stay"),
    ],
)
def test_an_unattended_start_on_a_day_inside_a_24_hour_stay_has_no_effect(
    day: str, until: str | None, word: str | None
) -> None:
    start = tell.started(day)
    assert every_order(*inpatient(until), start).ineffective.get(start.id) == word


def test_attendance_makes_the_start_good_and_raises_a_conflict_where_it_lies_inside() -> None:
    start, there = tell.started("2026-03-04"), tell.attended("2026-03-05")
    folded = every_order(*inpatient("2026-03-09 14:00"), start, there)
    assert folded.ineffective == {}
    (conflict,) = folded.conflicts
    assert conflict.kind == "attended-inside-24-hour-stay"
    assert there.id in conflict.facts


def test_a_start_is_not_inside_a_stay_that_itself_never_began() -> None:
    """V2 would have been a 24-hour stay from the 5th on, but began inside V1: it hides no start of the 12th."""
    unattended, late = tell.admitted("2026-03-04 10:00", visit="V2", level="php"), tell.started("2026-03-12")
    moved = tell.transferred("2026-03-05 10:00", visit="V2", to="inpatient")
    folded = every_order(*inpatient("2026-03-09 14:00"), unattended, moved, late)
    assert folded.ineffective == {unattended.id: "inside-24-hour-stay", moved.id: "not-open"}
    assert levels(folded) == ["inpatient", None, "iop"]


def test_attendance_told_later_wakes_the_start_that_it_makes_good() -> None:
    start, there = tell.started("2026-03-04"), tell.attended("2026-03-05")
    asleep = tell.folded(*inpatient(), start)
    assert asleep.ineffective == {start.id: "inside-24-hour-stay"}
    assert advance(asleep, [there], tell.zone_of) is None
    assert tell.folded(*inpatient(), start, there).ineffective == {}


def test_attendance_after_the_stay_makes_the_start_good_without_a_conflict() -> None:
    folded = every_order(*inpatient("2026-03-09 14:00"), tell.started("2026-03-04"), tell.attended("2026-03-10"))
    assert folded.ineffective == {}
    assert folded.conflicts == ()


def test_a_cancelled_discharge_takes_an_unattended_start_with_it_and_gives_it_back() -> None:
    discharge, start = tell.discharged("2026-03-09 14:00"), tell.started("2026-03-10")
    cancel = tell.cancelled(discharge)
    assert every_order(tell.admitted(), discharge, start).state == "active"
    gone = every_order(tell.admitted(), discharge, start, cancel)
    assert gone.ineffective == {start.id: "inside-24-hour-stay"}
    back = every_order(tell.admitted(), discharge, start, cancel, tell.discharged("2026-03-09 15:00"))
    assert back.ineffective == {}
    assert levels(back) == ["inpatient", None, "iop"]


def test_what_a_person_lets_fall_falls_and_the_conflict_is_settled() -> None:
    there = tell.attended("2026-03-05")
    facts = [*inpatient("2026-03-09 14:00"), tell.started("2026-03-04"), there]
    (conflict,) = tell.folded(*facts).conflicts
    folded = every_order(*facts, tell.conflict_settled(conflict=conflict.id, falls=[there]))
    assert folded.conflicts == ()
    assert folded.ineffective[there.id] == "settled"
    both_stand = tell.folded(*facts, tell.conflict_settled(conflict=conflict.id, falls=[]))
    assert both_stand.conflicts == ()
    assert there.id not in both_stand.ineffective


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [
        ("inpatient", "inpatient", True),
        ("inpatient", "residential", True),
        ("residential", "inpatient", False),
        ("residential", "residential", True),
        ("inpatient", "php", False),
    ],
)
def test_two_open_24_hour_stays_are_a_conflict_unless_a_resident_is_in_hospital(
    first: str, second: str, raised: bool
) -> None:
    facts = [
        tell.admitted("2026-03-02 10:00", level=first),
        tell.admitted("2026-03-05 10:00", visit="V2", level=second),
    ]
    assert [one.kind for one in every_order(*facts).conflicts] == ["two-24-hour-stays"] * raised
    assert every_order(*facts, tell.discharged("2026-03-05 12:00")).conflicts == ()


# Closings and rule 12


def test_an_episode_is_not_ended_while_a_stay_is_open() -> None:
    end = tell.episode_ended("2026-03-05 10:00")
    assert every_order(tell.admitted(), end).ineffective == {end.id: "stay-open"}


def test_an_episode_is_ended_once() -> None:
    second = tell.aftercare_closed("2026-06-01 10:00")
    folded = every_order(tell.admitted(), tell.discharged(), tell.episode_ended("2026-05-01 10:00"), second)
    assert folded.ineffective == {second.id: "closed"}
    assert (folded.state, folded.ended_reason) == ("closed", "episode-ended")


def test_an_admission_after_the_end_takes_the_episode_up_again() -> None:
    folded = every_order(
        tell.admitted(),
        tell.discharged(),
        tell.episode_ended("2026-03-20 10:00"),
        tell.admitted("2026-03-25 10:00", visit="V2"),
    )
    assert folded.state == "active"
    assert folded.ended_at is None
    assert folded.closings[0].reopened_by == ("visit", "V2")


def test_a_death_closes_the_episode_when_no_stay_is_open_any_more() -> None:
    facts = [tell.started("2026-03-01"), tell.admitted(), tell.discharged(kind="deceased")]
    assert every_order(*facts).state == "active"
    folded = every_order(*facts, tell.discontinued("2026-03-10", reason="deceased"))
    assert (folded.state, folded.ended_reason) == ("closed", "deceased")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([tell.covered()], "void"),
        ([tell.referred()], "referred"),
        ([tell.assessed()], "referred"),
        ([tell.placed()], "referred"),
        ([tell.placed(), tell.placement_cancelled()], "void"),
        ([tell.visit_started()], "active"),
        ([tell.visit_started(), tell.visit_ended()], "between"),
        ([tell.admitted(), tell.leave_started()], "on-leave"),
        ([tell.admitted(), tell.leave_started(), tell.leave_ended()], "active"),
        ([tell.admitted(), tell.discharged()], "between"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started("2026-03-09 08:00")], "aftercare"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started("2026-03-08 08:00")], "between"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started(), tell.aftercare_closed()], "closed"),
        ([tell.referred(), tell.episode_ended()], "closed"),
    ],
)
def test_the_state_of_an_episode(facts: list[Fact], state: str) -> None:
    assert every_order(*facts).state == state
