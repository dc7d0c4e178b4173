"""By which day a physician has to certify, and what a late certification is (42 CFR 424.14, 424.24; contract 3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.clock.reviewing import ClockOnPaper, day, paid_by

LEVELS = {"inpatient": ("3W", 2), "php": ("PHP1", 3), "iop": ("IOP1", 5)}
MEDICARE = paid_by("MEDICARE")


def certified(number: int, **more: Any) -> Fact:
    """A certification that begins on this day of the stay, and was said and signed on it unless something else is
    given."""
    told = {"begins": day(number), "to": day(number + 30), "when": f"{day(number)} 15:00"} | more
    return tell.certified(**told)


def again(number: int, **more: Any) -> Fact:
    return certified(number, kind="recertification", **more)


@pytest.mark.parametrize(
    ("level", "told", "expected"),
    [
        ("inpatient", [], {1}),
        ("inpatient", [certified(1)], {1, 12}),
        ("inpatient", [certified(1), again(12)], {1, 12, 42}),
        ("inpatient", [certified(1), again(10)], {1, 12, 40}),
        ("inpatient", [certified(1), again(12), again(40)], {1, 12, 42, 70}),
        ("php", [certified(1)], {1, 18}),
        ("php", [certified(1), again(18)], {1, 18, 48}),
        ("iop", [certified(1)], {1, 61}),
        ("iop", [certified(1), again(50)], {1, 110}),
    ],
)
def test_the_days_on_which_medicare_wants_a_signature(
    rules: Rules, level: str, told: list[Fact], expected: set[int]
) -> None:
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00", level=level))
    for each in told:
        clock.until(1 + int((each.value.occurred_at - clock.facts[1].value.occurred_at).days))
        clock.takes(each)
    clock.until(max(expected))
    kinds = {"certification", "recertification"}
    assert {due for kind, due, *_ in clock.standing() if kind in kinds} == expected


def test_it_is_listed_on_the_lead_day_and_late_when_its_day_is_over(rules: Rules) -> None:
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1))
    assert clock.until(9).reviews() == {}
    assert clock.until(10).reviews() == {"recertification": "12, due"}
    assert clock.until(12, hour=23).reviews() == {"recertification": "12, due"}
    assert clock.warnings() == []
    assert clock.until(13, hour=1).reviews() == {"recertification": "12, late"}
    assert clock.warnings() == ["certification-late"]


def test_a_late_certification_is_late_and_counts(rules: Rules) -> None:
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(14)
    clock.takes(again(12, when=f"{day(14)} 15:00", signed_at=f"{day(14)}T14:00:00-04:00"))
    assert clock.reviews() == {"recertification": "12, done by certification on 14"}
    assert clock.warnings() == ["certification-late"]


def test_one_that_was_signed_in_time_and_told_late_is_not_late(rules: Rules) -> None:
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(14)
    assert clock.warnings() == ["certification-late"]
    clock.takes(again(12, when=f"{day(14)} 15:00", signed_at=f"{day(11)}T14:00:00-04:00"))
    assert clock.reviews() == {"recertification": "12, done by certification on 11"}
    assert clock.warnings() == []


def test_a_certification_that_is_taken_back_was_never_there(rules: Rules) -> None:
    told = again(12, when=f"{day(14)} 15:00")
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(14)
    before = clock.standing()
    clock.takes(told)
    assert clock.standing() != before
    clock.takes(tell.cancelled(told, when=f"{day(14)} 16:00"))
    assert clock.standing() == before


def test_an_admission_that_is_taken_back_takes_its_reviews_with_it(rules: Rules) -> None:
    admitted = tell.admitted(f"{day(1)} 10:00")
    clock = ClockOnPaper(rules, MEDICARE, admitted).until(30)
    assert clock.reviews().keys() == {"certification", "recertification", "length-of-stay"}
    clock.takes(tell.cancelled(admitted, when=f"{day(30)} 16:00"))
    assert clock.reviews() == {}


def test_after_a_stay_what_was_due_in_it_can_still_be_signed_and_nothing_new_is_due(rules: Rules) -> None:
    clock = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(11)
    clock.takes(tell.discharged(f"{day(12)} 14:00"))
    assert clock.until(40).reviews() == {}, "day 12 is the leaving day's midnight: the stay was over"
    late = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(13)
    late.takes(tell.discharged(f"{day(15)} 14:00"))
    assert late.until(40).reviews() == {"recertification": "12, late"}
    late.takes(again(12, when=f"{day(40)} 15:00"))
    assert late.reviews() == {"recertification": "12, done by certification on 40"}
    told_late = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), certified(1)).until(40)
    assert "12, late" in told_late.reviews().values()
    told_late.takes(tell.discharged(f"{day(15)} 14:00"))
    assert told_late.reviews() == {}, "it was over when it was said to be due"
    never = ClockOnPaper(rules, MEDICARE, tell.admitted(f"{day(1)} 10:00"), tell.discharged(f"{day(15)} 14:00"))
    assert never.until(40).reviews() == {}, "nobody was told while it went on, nobody is now"


def test_a_payer_without_a_row_wants_no_signature(rules: Rules) -> None:
    clock = ClockOnPaper(rules, paid_by("SELF"), tell.admitted(f"{day(1)} 10:00"))
    assert clock.until(60).reviews() == {}
    assert clock.warnings() == []


def test_each_level_of_a_stay_counts_its_own_days(rules: Rules) -> None:
    told = [tell.admitted(f"{day(1)} 10:00", level="php"), certified(1)]
    clock = ClockOnPaper(rules, MEDICARE, *told).until(5)
    clock.takes(tell.transferred(f"{day(6)} 10:00", to="iop", visit="V1"))
    assert clock.until(7).reviews() == {"certification": "6, late"}
