"""Whatever comes in which order, the clock says the same; what is taken back leaves nothing (contract 3.8)."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.placement.clock.reviews import reviews
from services.placement.clock.stating import stated
from services.placement.continuum.fold import fold
from services.placement.rules import rules_of
from services.placement.search.searches import DeskFacts
from services.placement.worklists.entries import entries, listed_from
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests import builders as tell
from tests.placement.clock.reviewing import ClockOnPaper, allowed, day, paid_by

RULES = rules_of(load(SAMPLE))
LAST = 70
DAY = st.integers(1, 60)
MOVES = st.sampled_from(("requested", "approved", "extended", "denied", "ended"))
PAYERS, LEVELS = st.sampled_from(("ACME", "MEDICARE", "SELF")), st.sampled_from(("residential", "inpatient"))
UNITS = st.one_of(st.none(), st.integers(0, 60))


@st.composite
def told(draw: st.DrawFn) -> list[Fact]:
    """A residential stay, and up to eight things that payers, physicians and the desk say of it."""
    found = [paid_by("ACME"), tell.admitted(f"{day(1)} 10:00", level="residential")]
    for number in range(draw(st.integers(1, 8))):
        when = f"{day(draw(DAY))} {11 + number % 8}:00"
        found.append(draw(st.sampled_from((_authorized, _certified, _planned)))(draw, when))
    return found


def _authorized(draw: st.DrawFn, when: str) -> Fact:
    more: dict[str, Any] = {"auth": draw(st.sampled_from(("A1", "A2"))), "move": draw(MOVES), "when": when}
    if more["move"] == "denied":
        more["denial"] = {"peer_to_peer_by": day(draw(DAY)), "appeal_by": day(draw(DAY))}
    return allowed(draw(UNITS), draw(DAY), next_review=draw(st.one_of(st.none(), DAY.map(day))), **more)


def _certified(draw: st.DrawFn, when: str) -> Fact:
    kind, begins = draw(st.sampled_from(("initial", "recertification"))), draw(DAY)
    return tell.certified(when, kind=kind, begins=day(begins), to=day(begins + 29))


def _planned(draw: st.DrawFn, when: str) -> Fact:
    return tell.planned(when, level="residential", review_due=day(draw(DAY)))


@st.composite
def a_stay(draw: st.DrawFn) -> list[Fact]:
    """A stay of up to seventy days of whoever pays, and what is told of it by and by, without an authorization."""
    found = [paid_by(draw(PAYERS)), tell.admitted(f"{day(1)} 10:00", level=draw(LEVELS))]
    for number, on in enumerate(sorted(draw(st.lists(DAY, min_size=1, max_size=10)))):
        when, payer, level = f"{day(on)} {11 + number:02}:00", draw(PAYERS), draw(LEVELS)
        told = [
            partial(tell.leave_started, when), partial(tell.leave_ended, when), partial(tell.diagnosed, when),
            partial(tell.covered, when, payer=payer, effective=day(on)), partial(tell.transferred, when, level=level),
            partial(tell.discharged, when), partial(_certified, draw, when),
            partial(tell.planned, when, level=level, review_due=day(on + 7)),
            partial(tell.assessed, when, recommended_level=level),
        ]  # fmt: skip
        found.append(draw(st.sampled_from(told))())
    return tell.a_story(*found)


@given(a_stay())
def test_where_nothing_changes_that_list_entries_are_made_from_they_are_the_same(facts: list[Fact]) -> None:
    """Which is why they are not made then."""
    for before, now in pairwise(fold(facts[:number], RULES.zone_of) for number in range(2, len(facts) + 1)):
        if listed_from(before) == listed_from(now):
            assert entries(before, DeskFacts(), RULES) == entries(now, DeskFacts(), RULES)


def test_a_leave_and_a_diagnosis_change_nothing_that_list_entries_are_made_from() -> None:
    stay = [paid_by("ACME"), tell.admitted(f"{day(1)} 10:00", level="residential")]
    more = [
        tell.leave_started(f"{day(3)} 10:00"),
        tell.diagnosed(f"{day(3)} 12:00"),
        tell.leave_ended(f"{day(4)} 10:00"),
    ]
    before, now = fold(tell.a_story(*stay), RULES.zone_of), fold(tell.a_story(*stay, *more), RULES.zone_of)
    assert listed_from(before) == listed_from(now)
    assert entries(now, DeskFacts(), RULES) != (), "its certification and its length"


def still_open(clock: ClockOnPaper) -> list[tuple[str, int, bool, str | None, int | None]]:
    return [one for one in clock.standing() if one[3] is None]


@given(told(), st.randoms(use_true_random=False), st.lists(st.integers(1, LAST), max_size=4))
def test_any_order_of_what_is_told_and_of_the_timer_leaves_the_same_open(
    facts: list[Fact], chance: Any, turns: list[int]
) -> None:
    at_once = ClockOnPaper(RULES, *facts).until(LAST)
    shuffled = list(facts)
    chance.shuffle(shuffled)
    bit_by_bit = ClockOnPaper(RULES)
    for number, fact in enumerate(shuffled):
        if number < len(turns):
            bit_by_bit.until(sorted(turns)[number])
        bit_by_bit.takes(fact)
    bit_by_bit.until(LAST)
    assert {one.review_id for one in reviews(at_once.folded, RULES) if one.begins} == {
        one.review_id for one in reviews(bit_by_bit.folded, RULES) if one.begins
    }
    assert still_open(at_once) == still_open(bit_by_bit)


@given(told(), st.lists(st.integers(1, LAST), max_size=4))
def test_what_is_taken_back_leaves_nothing(facts: list[Fact], turns: list[int]) -> None:
    clock = ClockOnPaper(RULES)
    for number, fact in enumerate(facts):
        if number < len(turns):
            clock.until(sorted(turns)[number])
        clock.takes(fact)
    clock.until(LAST)
    for fact in facts:
        clock.takes(tell.cancelled(fact))
    assert clock.standing() == []


@given(told())
def test_what_stands_needs_nothing_more_said(facts: list[Fact]) -> None:
    clock = ClockOnPaper(RULES, *facts).until(LAST)
    assert stated(clock.folded, clock.own, RULES, clock.now) == ()
    assert stated(clock.folded, clock.own, RULES, clock.now, over=True) == ()
