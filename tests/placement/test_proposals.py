"""Steps up that are proposed: nobody looks upwards by rule, in whatever order facts come; an accepted one goes on while
what asks for it stands (contract 3.7.1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.placement.search import search as searching
from services.placement.search.ahead import accepted, open_stay, proposed, recommended
from services.placement.search.searches import DeskFacts
from services.placement.search.states import SearchState
from services.placement.worklists.proposals import entries_of_proposals
from shared.events.levels import RANK, Level
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.looking_ahead import RULES, Ahead

IN = tell.admitted("2026-03-02 10:00", level="php", program="GH-PHP1")
OUT = tell.discharged("2026-03-20 10:00", level="php")
LEVELS = st.sampled_from(sorted(Level))


def assessed(day: int, level: str) -> Fact:
    return tell.assessed(f"2026-03-{day:02} 12:00", recommended_level=level, writer="intake")


def asked(level: str) -> Fact:
    return tell.referred("2026-03-03 09:00", requested_level=level)


def up(story: Ahead) -> list[str]:
    """The levels that are looked for and lie above the one of the open stay."""
    stay = open_stay(story.folded)
    found = [one.recommended_level for one in story.searches if one.state is SearchState.OPEN]
    return [one for one in found if stay and stay.level and RANK[one] < RANK[stay.level]]


def listed(story: Ahead) -> list[str]:
    return [one.content["proposed"] for one in entries_of_proposals(story.folded, DeskFacts.of(story.facts))]


def accept(story: Ahead) -> None:
    """A person accepts the first proposal."""
    stay, [one, *_] = open_stay(story.folded), proposed(story.folded)
    assert stay is not None
    want = accepted(one, stay, RULES.policy)
    desk = story.desk()._replace(search=None)
    told = searching.opened(desk, want, recommended(want, RULES.policy), searching.needs_of(story.folded))
    story.add((told,))


@given(st.lists(st.tuples(st.integers(4, 15), LEVELS), max_size=4), st.none() | LEVELS, st.booleans(), st.data())
def test_nobody_looks_upwards_by_rule_whatever_comes_in_which_order(
    told: list[tuple[int, str]], referral: str | None, ends: bool, data: st.DataObject
) -> None:
    facts = [IN, *(assessed(day, level) for day, level in told), *([asked(referral)] if referral else [])]
    facts += [OUT] if ends else []
    story, straight = Ahead(), Ahead()
    for fact in data.draw(st.permutations(facts)):
        story.hears(fact)
        assert up(story) == []
    straight.hears(*facts)
    assert listed(story) == listed(straight)
    assert all(RANK[Level(level)] < RANK[Level("php")] for level in listed(story))
    assert not (ends and listed(story))


@given(st.sampled_from(["residential", "inpatient"]), st.booleans())
def test_an_accepted_one_goes_on_while_what_asks_for_it_stands_and_ends_with_it(level: str, by_referral: bool) -> None:
    story, asks = Ahead(), asked(level) if by_referral else assessed(5, level)
    story.hears(IN)
    story.hears(asks)
    assert listed(story) == [level]
    accept(story)
    assert (up(story), listed(story)) == ([level], [])
    story.hears(tell.diagnosed("2026-03-06 10:00"))
    assert up(story) == [level]
    assert story.hears(tell.cancelled(asks)) == ["search-closed"]
    assert (up(story), listed(story)) == ([], [])
