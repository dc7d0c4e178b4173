"""Properties of a merge by the fold, over stories that are plausible and implausible (contract 3.6 rules 8 and 11)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.fold import advance, fold
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.strategies import stories

MERGES = st.lists(
    st.sampled_from(
        (
            tell.merged("S"),
            tell.unmerged("S"),
            tell.merged("C", "2026-03-21 10:00"),
            tell.merged("S", facility=tell.ELSEWHERE),
            tell.unmerged("S", facility=tell.ELSEWHERE),
            tell.merged(tell.EPISODE, survivor="patient-9", patient_id="patient-8"),
        )
    ),
    unique_by=lambda one: one.id,
    max_size=5,
)


def story_of(facts: list[Fact], merges: list[Fact]) -> list[Fact]:
    """The facts, and then the merges, as their writers number them."""
    return tell.a_story(*facts, *merges)


@given(stories(), MERGES, st.data())
def test_every_order_and_repetition_of_a_story_with_merges_ends_alike(
    facts: list[Fact], merges: list[Fact], data: st.DataObject
) -> None:
    told = story_of(facts, merges)
    again = data.draw(st.permutations([*told, *told[:3]]))
    assert fold(again, tell.zone_of) == fold(told, tell.zone_of)


@given(stories(), MERGES)
def test_merges_that_are_all_taken_back_leave_no_trace(facts: list[Fact], merges: list[Fact]) -> None:
    told = [one for one in merges if one.name == "patients-merged"]
    back = [tell.cancelled(one) for one in told]
    if facts:
        assert fold(story_of(facts, [*told, *back]), tell.zone_of) == fold(tell.a_story(*facts), tell.zone_of)


@given(stories(), MERGES)
def test_what_counts_in_a_retired_episode_is_what_others_said(facts: list[Fact], merges: list[Fact]) -> None:
    folded = fold(story_of(facts, merges), tell.zone_of)
    going = {one.facility for one in folded.retiring}
    assert not going & {stay.facility for stay in folded.stays}
    assert not going & {one.facility for one in folded.authorizations}


@given(stories(), MERGES, st.data())
def test_going_on_with_merges_is_the_fold_of_what_came(
    facts: list[Fact], merges: list[Fact], data: st.DataObject
) -> None:
    told = data.draw(st.permutations(story_of(facts, merges)))
    at = data.draw(st.integers(0, len(told)))
    after = advance(fold(told[:at], tell.zone_of), told[at:], tell.zone_of) if at else None
    assert after is None or after == fold(told, tell.zone_of)
