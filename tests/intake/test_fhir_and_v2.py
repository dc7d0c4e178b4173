"""A visit told half by HL7 v2 and half by FHIR, in any order, is the visit told by v2 alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import derive
from tests.intake.fhir_stories import HOUR, Event, fhir_message, happens, v2_message
from tests.intake.said import SITE, own

MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["transfer", "transfer", "transfer-cancelled", "leave", "back", "discharge", "discharge-cancelled",
             "begin-corrected", "cancelled", "from-ed"]
        ),
        st.sampled_from(["3W", "4E", "RES", "PHP1", "ED"]),
    ),
    max_size=7,
)  # fmt: skip


def facts(said: list[VisitMessage]) -> list[tuple[Any, ...]]:
    """What is stated of the visit: which facts, when they happened, and what they say."""
    return [(one.key, one.value.occurred_at, own(one)) for one in derive("V1", said, SITE).facts]


def told_both_ways(data: st.DataObject, moves: list[tuple[str, str]]) -> None:
    """Draw for each event of a story whether v2 or FHIR tells it, and for all the order; compare what comes of it."""
    story = happens(moves)
    by_v2 = [v2_message(number, event) for number, event in enumerate(story)]
    told: list[VisitMessage] = []
    for number, event in enumerate(story):
        way = data.draw(st.sampled_from(["v2", "fhir"] if event.retold else ["v2", "fhir", "lean"]))
        told.append(by_v2[number] if way == "v2" else fhir_message(number, event, lean=way == "lean"))
    assert facts(data.draw(st.permutations(told))) == facts(by_v2)


@settings(max_examples=50)
@given(st.data(), MOVES)
def test_a_story_told_half_by_fhir_is_the_story_told_by_v2(data: st.DataObject, moves: list[tuple[str, str]]) -> None:
    told_both_ways(data, moves)


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.data(), MOVES)
def test_a_thousand_stories_are_the_same_by_fhir_and_v2(data: st.DataObject, moves: list[tuple[str, str]]) -> None:
    told_both_ways(data, moves)


@pytest.mark.parametrize("lean", [False, True])
def test_a_story_told_by_fhir_alone_is_the_story_told_by_v2(lean: bool) -> None:
    moves = [("transfer", "4E"), ("leave", ""), ("back", ""), ("transfer", "RES"), ("discharge", "")]
    story = happens(moves)
    by_fhir = [fhir_message(number, event, lean=lean) for number, event in enumerate(story)]
    assert facts(by_fhir) == facts([v2_message(number, event) for number, event in enumerate(story)])


def test_a_finished_encounter_alone_tells_the_whole_story() -> None:
    story = happens([("transfer", "4E"), ("leave", ""), ("back", ""), ("transfer", "RES"), ("discharge", "")])
    by_v2 = [v2_message(number, event) for number, event in enumerate(story)]
    assert facts([fhir_message(9, story[-1])]) == facts(by_v2)


def test_an_encounter_entered_in_error_takes_the_whole_visit_back() -> None:
    admitted, discharged = happens([("discharge", "")])
    wrong = Event("A23", discharged.at + HOUR, replace(discharged.visit, cancelled=True))
    assert facts([v2_message(0, admitted), v2_message(1, discharged), fhir_message(2, wrong)]) == []
