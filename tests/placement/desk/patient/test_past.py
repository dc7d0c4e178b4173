"""The past of an episode: `as_of` is what had been recorded, `on` is what was so; both from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.fold import fold
from services.placement.desk.patient.past import PastQuestion, asked_for, facts_then
from shared.facts.envelope import Fact
from shared.web.app import Problem
from tests import builders as tell
from tests.placement.strategies import INSTANTS, START, stories

ZONE = tell.zone_of(tell.FACILITY)


def learnt(fact: Fact, when: datetime) -> Fact:
    """The fact as it was recorded at this time."""
    return tell.with_value(fact, fact.as_json | {"recorded_at": when.isoformat()})


def then(facts: list[Fact], asked: PastQuestion) -> list[Fact]:
    return facts_then(facts, asked, ZONE, tell.zone_of)


@given(stories(), st.data())
def test_as_of_every_instant_is_the_fold_of_what_was_recorded_by_then(facts: list[Fact], data: st.DataObject) -> None:
    told = [learnt(fact, data.draw(INSTANTS)) for fact in facts]
    for at in sorted({fact.value.recorded_at for fact in told}):
        by_then = [fact for fact in told if fact.value.recorded_at <= at]
        assert fold(then(told, PastQuestion(as_of=at)), tell.zone_of) == fold(by_then, tell.zone_of)
    before = PastQuestion(as_of=START - timedelta(days=1))
    assert then(told, before) == []


@given(stories())
def test_on_the_last_day_all_is_so_that_stands_now(facts: list[Fact]) -> None:
    folded = fold(facts, tell.zone_of)
    last = fold(then(facts, PastQuestion(on=date(2026, 12, 31))), tell.zone_of)
    assert last.stays == folded.stays
    assert (last.state, last.level, last.levels) == (folded.state, folded.level, folded.levels)


def test_a_discharge_that_was_taken_back_was_known_then_and_never_so() -> None:
    wrong = tell.discharged("2026-03-09 14:00")
    cancel = learnt(tell.cancelled(wrong), datetime(2026, 3, 12, 12, tzinfo=UTC))
    facts = tell.a_story(tell.admitted("2026-03-02 10:00"), wrong, cancel)
    known = fold(then(facts, PastQuestion(as_of=date(2026, 3, 10))), tell.zone_of)
    so = fold(then(facts, PastQuestion(on=date(2026, 3, 10))), tell.zone_of)
    assert (known.state, so.state) == ("between", "active")


def test_what_was_told_anew_twice_is_the_stretch_that_it_was_at_first() -> None:
    first = tell.admitted("2026-03-02 10:00", ce_id="first")
    second = tell.admitted("2026-03-02 11:00", ce_id="second", replaces="first")
    third = tell.admitted("2026-03-02 12:00", ce_id="third", replaces="second")
    facts = tell.a_story(first, second, third)
    so = fold(then(facts, PastQuestion(on=date(2026, 3, 10))), tell.zone_of)
    assert [segment.root for stay in so.stays for segment in stay.segments] == ["first"]
    assert so.stays == fold(facts, tell.zone_of).stays


def test_what_was_told_anew_and_then_taken_back_is_so_on_no_day() -> None:
    first = tell.started("2026-03-09 10:00")
    anew = tell.started("2026-03-09 10:00", writer="intake", replaces=first.id)
    facts = tell.a_story(first, anew, tell.cancelled(first))
    so = fold(then(facts, PastQuestion(on=date(2026, 3, 12))), tell.zone_of)
    assert so.stays == fold(facts, tell.zone_of).stays


def test_of_two_that_took_the_place_of_one_the_later_stands_or_falls_for_both() -> None:
    first = tell.started("2026-03-09 10:00")
    once = tell.started("2026-03-09 11:00", ce_id="once", replaces=first.id)
    again = tell.started("2026-03-09 12:00", ce_id="again", replaces=first.id)
    facts = tell.a_story(first, once, again, tell.cancelled(again))
    so = fold(then(facts, PastQuestion(on=date(2026, 3, 12))), tell.zone_of)
    assert so.stays == fold(facts, tell.zone_of).stays == ()


def test_what_was_learnt_late_was_so_and_not_known() -> None:
    late = learnt(tell.discharged("2026-03-09 14:00"), datetime(2026, 3, 12, 12, tzinfo=UTC))
    facts = tell.a_story(tell.admitted("2026-03-02 10:00"), late)
    assert fold(then(facts, PastQuestion(as_of=date(2026, 3, 10))), tell.zone_of).state == "active"
    assert fold(then(facts, PastQuestion(on=date(2026, 3, 10))), tell.zone_of).state == "between"
    both = PastQuestion(as_of=date(2026, 3, 10), on=date(2026, 3, 10))
    assert fold(then(facts, both), tell.zone_of).state == "active"


def test_a_day_lasts_to_its_end_at_the_facility() -> None:
    facts = tell.a_story(replace(tell.admitted("2026-03-02 23:30")), tell.leave_started("2026-03-03 00:00"))
    assert [fact.name for fact in then(facts, PastQuestion(on=date(2026, 3, 2)))] == ["admitted"]
    assert [fact.name for fact in then(facts, PastQuestion(as_of=date(2026, 3, 2)))] == ["admitted"]
    at = datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert len(then(facts, PastQuestion(as_of=at))) == 2, "an instant is within what it asks for"


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"as_of": "2026-03-02T10:00:00"}, "as_of"),
        ({"as_of": ""}, "as_of"),
        ({"on": "2026-03-02T10:00:00Z"}, "on"),
        ({"on": "0001-01-01"}, "on"),
        ({"on": "9999-12-31"}, "on"),
        ({"as_of": "9999-12-31T23:59:59+00:00"}, "as_of"),
    ],
)
def test_what_is_no_day_and_no_instant_with_its_offset_is_refused(asked: dict[str, str], wrong: str) -> None:
    with pytest.raises(Problem) as refused:
        asked_for(asked)
    assert [each["field"] for each in refused.value.more["fields"]] == [wrong]


def test_a_plus_that_came_as_a_blank_is_an_offset() -> None:
    assert asked_for({"as_of": "2026-03-02T10:00:00 01:00"}).as_of == datetime(2026, 3, 2, 9, tzinfo=UTC)
