"""What is true of the fold for every story, plausible or not (contract 3.6 rules 6 to 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from services.placement.billing.periods import billed_from
from services.placement.continuum.active import read, speaks_out_of_turn, standing
from services.placement.continuum.announcements import (
    Announced,
    StandingAnnouncement,
    announced_from,
    announcements,
    difference,
)
from services.placement.continuum.codec import packed, unpacked
from services.placement.continuum.document import episode_state
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import Folded
from services.placement.continuum.states import NoEffectReason
from shared.events import EpisodeState, type_name
from shared.facts.envelope import Fact
from shared.facts.restating import Difference
from shared.facts.values import read_fact, written
from tests import builders as tell
from tests.placement.period_builders import derived
from tests.placement.strategies import plain_facts, stories


def when(fact: Fact) -> datetime:
    """Clinical time."""
    return fact.value.occurred_at


@given(stories(), st.data())
def test_every_order_and_repetition_ends_alike(facts: list[Fact], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(facts), max_size=5))
    shuffled = data.draw(st.permutations([*facts, *repeats]))
    assert fold(shuffled, tell.zone_of) == fold(facts, tell.zone_of)


@given(stories(plain=True))
def test_facts_that_name_no_other_are_active_as_they_are_beside_one_that_does(facts: list[Fact]) -> None:
    """Where no fact names another, what stands is found in a shorter way."""
    absent = replace(tell.admitted(), id="never-told", sequence=900)
    cancel = replace(tell.cancelled(absent), id="its-cancel", sequence=901)
    alone, beside = standing(facts), standing([*facts, cancel])
    assert (alone.facts, alone.corroborating, alone.names) == (beside.facts, beside.corroborating, beside.names)
    assert alone.ineffective | {cancel.id: "target-unknown"} == beside.ineffective


@given(stories(), plain_facts())
def test_a_cancelled_fact_leaves_no_trace(facts: list[Fact], extra: Fact) -> None:
    extra = replace(extra, id="cancelled-one", writer="placement", sequence=900)
    cancel = replace(tell.cancelled(extra), id="its-cancel", sequence=901)
    assert fold([*facts, extra, cancel], tell.zone_of) == fold(facts, tell.zone_of)


@given(stories(), st.data())
def test_a_replaced_facts_content_is_gone(facts: list[Fact], data: st.DataObject) -> None:
    """With a replacement standing, the fact that it replaces may as well never have been stated."""
    named = {fact.as_json.get(name) for fact in facts for name in ("replaces", "cancels", "corroborates")} | {
        one for fact in facts for one in fact.as_json.get("falls", ())
    }
    candidates = [fact for fact in facts if fact.id not in named and fact.name != "fact-cancelled"]
    if not candidates:
        return
    target = data.draw(st.sampled_from(candidates))
    if "replaces" in target.as_json or not read(target) or speaks_out_of_turn(target):
        return
    anew = replace(tell.restated(target, when="2026-03-05 12:00"), id="anew", sequence=900)
    with_both, without = (
        fold([*facts, anew], tell.zone_of),
        fold([*(one for one in facts if one is not target), anew], tell.zone_of),
    )
    assert replace(with_both, awaited=()) == replace(without, awaited=())


@given(stories())
def test_every_fact_has_an_effect_or_a_word_that_says_why_not(facts: list[Fact]) -> None:
    """A fact without a word, taken away, is missed: its ce_id stands in the fold, or something else changes."""
    folded = fold(facts, tell.zone_of)
    known = {fact.id for fact in facts}
    words = {word.value for word in NoEffectReason}
    assert folded.ineffective.keys() <= known
    assert set(folded.ineffective.values()) <= words
    for fact in facts:
        if fact.name in {"admitted", "started", "transferred", "discharged", "attended"} and _alone(fact, facts):
            assert (fact.id in folded.ineffective) != (fact.id in _named(folded))


def _alone(fact: Fact, facts: Sequence[Fact]) -> bool:
    """Nothing takes it back, and it restates nothing."""
    return "replaces" not in fact.as_json and not any(
        fact.id in (one.as_json.get("cancels"), one.as_json.get("replaces")) for one in facts
    )


def _named(folded: Folded) -> set[str]:
    return {
        ce_id
        for stay in folded.stays
        for ce_id in (
            *(segment.fact for segment in stay.segments),
            *(session.fact for session in stay.sessions),
            *stay.corroborated_by,
            *((stay.ended.fact,) if stay.ended else ()),
        )
    }


@given(stories(plain=True), st.data())
def test_going_on_from_any_point_is_the_fold_of_all(facts: list[Fact], data: st.DataObject) -> None:
    ordered = sorted(facts, key=when)
    split = data.draw(st.integers(0, len(ordered)))
    behind = fold(ordered[:split], tell.zone_of) if split else Folded(tell.EPISODE)
    on = advance(behind, ordered[split:], tell.zone_of)
    if on is not None:
        assert on == fold(ordered, tell.zone_of)


@given(stories(plain=True), st.data())
def test_going_on_instant_by_instant_is_the_fold_of_all(facts: list[Fact], data: st.DataObject) -> None:
    ordered = sorted(facts, key=when)
    state, behind = Folded(tell.EPISODE), []
    for _, group in groupby(ordered, key=when):
        new = list(group)
        behind += new
        state = advance(state, new, tell.zone_of) or fold(behind, tell.zone_of)
        assert state == fold(behind, tell.zone_of)


@given(stories(), st.data())
def test_going_on_in_any_order_is_the_fold_of_what_came(facts: list[Fact], data: st.DataObject) -> None:
    state, behind = Folded(tell.EPISODE), []
    for new in data.draw(st.permutations(facts)):
        behind.append(new)
        state = advance(state, [new], tell.zone_of) or fold(behind, tell.zone_of)
    assert state == fold(facts, tell.zone_of)


@given(stories())
def test_a_row_gives_back_exactly_what_was_put_in(facts: list[Fact]) -> None:
    folded = fold(facts, tell.zone_of)
    assert unpacked(packed(folded)) == folded
    assert packed(unpacked(packed(folded))) == packed(folded)


@given(stories())
def test_the_value_of_an_episode_fits_its_model(facts: list[Fact]) -> None:
    told = episode_state(fold(facts, tell.zone_of), tell.seen(facts), 1, tell.PLACES)
    assert json.decode(json.encode(told), type=EpisodeState) == told


@given(stories(), st.data())
def test_differences_along_any_order_of_arrival_end_in_the_same_announcements(
    facts: list[Fact], data: st.DataObject
) -> None:
    standing: dict[str, StandingAnnouncement] = {}
    behind = []
    for number, fact in enumerate(data.draw(st.permutations(facts))):
        behind.append(fact)
        wanted = announcements(fold(behind, tell.zone_of), tell.zone_of)
        standing = after(standing, difference(standing, wanted), number)
    wanted = announcements(fold(facts, tell.zone_of), tell.zone_of)
    assert len({one.key for one in wanted}) == len(wanted)
    assert {key: one.value for key, one in standing.items()} == {one.key: one.value for one in wanted}
    assert not difference(standing, wanted)
    for one in wanted:
        assert read_fact(type_name(one.value.TYPE), written(one.value)) == one.value


@given(stories(), st.data())
def test_where_nothing_changes_that_announcements_or_periods_are_derived_from_they_are_the_same(
    facts: list[Fact], data: st.DataObject
) -> None:
    """Which is why they are not derived then: a fact more changes what is looked at, or changes neither of them."""
    came = data.draw(st.permutations(facts))
    folds = [fold(came[:number], tell.zone_of) for number in range(1, len(came) + 1)]
    for before, now in pairwise(folds):
        if announced_from(before) == announced_from(now):
            assert announcements(before, tell.zone_of) == announcements(now, tell.zone_of)
        if billed_from(before) == billed_from(now):
            assert derived(before) == derived(now)


def after(
    standing: dict[str, StandingAnnouncement], said: Difference[str, StandingAnnouncement, Announced], number: int
) -> dict[str, StandingAnnouncement]:
    """What stands once a difference has gone out."""
    left = {key: one for key, one in standing.items() if key not in said.cancel}
    for _, announced in said.state:
        left[announced.key] = standing_as(announced, f"{announced.key}/{number}")
    return left


def standing_as(announced: Announced, ce_id: str) -> StandingAnnouncement:
    """An announcement as it stands once it was stated."""
    return StandingAnnouncement(ce_id, announced.value)
