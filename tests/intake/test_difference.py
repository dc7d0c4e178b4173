"""What goes out is the difference; and a visit finds its episode once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import (
    ActiveFact,
    DesiredFact,
    FactKey,
    KnownEpisode,
    choose_episode,
    derive,
    difference,
)
from shared.facts.values import written
from tests.intake.said import SITE, clock, told

STORY = (
    told(1, "A04", "20260105080000", unit="ED"),
    told(2, "A01", "20260105101000", pv1_44="20260105100000", in1="IN1|1|PPO|ACME"),
    told(3, "A02", "20260106100000", unit="RES", pv1_44="20260105100000"),
    told(4, "A12", "20260106110000", unit="3W"),
    told(5, "A21", "20260107100000"),
    told(6, "A22", "20260108100000"),
    told(7, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="01"),
    told(8, "A13", "20260110130000"),
    told(9, "A08", "20260111130000", pv1_7="1234567893", in1="IN1|1||MEDICARE"),
    told(10, "A03", "20260112120500", pv1_45="20260112"),
    told(11, "A01", "20260113080000"),
    told(12, "A11", "20260113090000"),
)


def apply(standing: dict[FactKey, ActiveFact], wanted: tuple[DesiredFact, ...], turn: int) -> dict[FactKey, ActiveFact]:
    """What stands after the difference went out."""
    found = difference(standing, wanted)
    kept = {key: one for key, one in standing.items() if key not in found.cancel}
    return kept | {fact.key: ActiveFact(f"{turn}/{fact.key}", fact.value.TYPE, fact.value) for _, fact in found.state}


@given(st.permutations(STORY), st.integers(0, len(STORY) - 1))
def test_step_by_step_differences_in_any_order_end_where_the_whole_does(
    order: list[VisitMessage], repeated: int
) -> None:
    whole = derive("V1", STORY, SITE)
    standing: dict[FactKey, ActiveFact] = {}
    for turn in range(1, len(order) + 1):
        standing = apply(standing, derive("V1", order[:turn], SITE).facts, turn)
    assert {key: one.value for key, one in standing.items()} == {one.key: one.value for one in whole.facts}
    again = derive("V1", [*order, order[repeated]], SITE)
    assert again == whole
    assert not difference(standing, again.facts)


TRIGGERS = ["A01", "A02", "A03", "A04", "A06", "A07", "A08", "A11", "A12", "A13", "A21", "A22", "A52", "A53"]
UNIT = st.sampled_from(["3W", "RES", "OPC", "ED", "NEW", ""])
SAID = st.tuples(st.sampled_from(TRIGGERS), st.integers(5, 9), st.integers(5, 9), UNIT)


@given(st.data())
def test_any_messages_in_any_order_mean_the_same_and_each_is_noted(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(SAID, max_size=7))
    story = [
        told(number, trigger, f"202601{said:02}100000", unit=unit, evn_6=f"202601{day:02}090000")
        for number, (trigger, said, day, unit) in enumerate(drawn, start=1)
    ]
    found = derive("V1", story, SITE)
    assert derive("V1", data.draw(st.permutations(story)), SITE) == found
    assert {one.message_id for one in found.notes} == {one.message_id for one in story}
    assert len({one.key for one in found.facts}) == len(found.facts)
    for one in found.facts:
        assert written(one.value)


def test_what_changed_is_replaced_what_is_new_is_stated_and_what_fell_is_cancelled() -> None:
    first, last = derive("V1", STORY[:3], SITE), derive("V1", [STORY[1], *STORY[4:7], STORY[8]], SITE)
    standing = apply({}, first.facts, 1)
    found = difference(standing, last.facts)
    assert [(old and old.type, new.value.TYPE) for old, new in found.state] == [
        ("admitted", "admitted"),
        ("coverage-changed", "coverage-changed"),
        (None, "leave-started"),
        (None, "leave-ended"),
        (None, "discharged"),
    ]
    assert [one.type for one in found.cancel.values()] == ["transferred", "visit-started"]
    assert not difference(apply(standing, last.facts, 2), last.facts)


ADMITTED_AT = clock("2026-03-31 10:00")


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ([], None),
        ([("E1", None)], "E1"),
        ([("E1", clock("2026-03-30 10:00"))], "E1"),
        ([("E1", clock("2026-03-01 10:00"))], "E1"),
        ([("E1", clock("2026-02-27 23:00"))], None),
        ([("E1", clock("2026-03-01 10:00")), ("E2", clock("2026-03-20 10:00"))], "E2"),
        ([("E1", clock("2026-03-30 10:00")), ("E2", None)], "E2"),
        ([("E1", clock("2026-04-05 10:00"))], "E1"),
        ([("E1", None, clock("2026-03-20 10:00")), ("E2", None, clock("2026-03-10 10:00"))], "E2"),
        ([("E1", None, clock("2026-06-01 10:00"))], None),
        ([("E1", clock("2026-07-05 10:00"), clock("2026-04-10 10:00"))], "E1"),
    ],
)
def test_a_visit_belongs_to_the_episode_within_the_limit_after_its_last_end(
    known: list[tuple[str, None]], chosen: str | None
) -> None:
    assert choose_episode(ADMITTED_AT, [KnownEpisode(*one) for one in known]) == chosen


def test_the_limit_is_the_sites() -> None:
    known = [KnownEpisode("E1", ADMITTED_AT - timedelta(days=10))]
    assert choose_episode(ADMITTED_AT, known, limit_days=10) == "E1"
    assert choose_episode(ADMITTED_AT, known, limit_days=9) is None
