"""A search begins while a stay is open, by the plan of its end, and goes on when it ends (contract 3.7.1, 3.7.2)."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.announcements import announcements
from services.placement.search import offers, placements
from services.placement.search.first_days import given_up
from services.placement.search.search import closed
from services.placement.search.searches import DeskFacts
from shared.events.continuum import SteppedDown
from shared.events.placing import OfferCountered, PlacementCancelled, SearchOpened
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.looking_ahead import RULES, Ahead, called_off, inside, planned
from tests.placement.searching import IN, OUT, SITE, refused

PLAN = planned("2026-03-04 09:00", "2026-03-09 11:00")
LATER = tell.restated(PLAN, expected_at="2026-03-12T11:00:00-04:00")
LATEST = tell.restated(LATER, expected_at="2026-03-14T11:00:00-04:00")
SOONER = tell.restated(PLAN, expected_at="2026-03-07T11:00:00-04:00")
OFF = called_off("2026-03-05 09:00")


def test_a_plan_opens_a_search_for_the_next_level_from_the_expected_day_on() -> None:
    story = inside()
    assert story.hears(PLAN) == ["search-opened"]
    told = next(fact.value for fact in reversed(story.facts) if isinstance(fact.value, SearchOpened))
    assert (told.from_level, told.recommended_level, told.begun_by) == ("inpatient", "php", "discharge-planned")
    assert (told.trigger, told.derived_from, str(told.ready_on)) == (PLAN.id, (PLAN.id,), "2026-03-09")
    assert told.stay is not None
    assert told.stay.id == "V1"


@pytest.mark.parametrize("kind", ["transfer", "hospice", "deceased"])
def test_a_plan_to_leave_for_where_nobody_looks_begins_no_search(kind: str) -> None:
    story = inside()
    assert story.hears(planned("2026-03-04 09:00", disposition={"kind": kind})) == []
    assert story.hears(tell.restated(story.facts[-1], disposition={"kind": "home"})) == ["search-opened"]


def test_a_plan_without_a_day_looks_for_a_first_day_at_once() -> None:
    story = inside()
    story.hears(planned("2026-03-04 09:00", None))
    assert story.looks_for() == [("php", None)]


def test_when_the_stay_ends_the_same_search_goes_on_with_the_discharge_as_its_trigger() -> None:
    story = inside()
    story.hears(PLAN)
    before = story.search
    assert story.hears(OUT) == ["search-opened"]
    (search,) = story.searches
    assert (search.search_id, search.trigger, search.begun_by) == (before.search_id, OUT.id, "discharge-planned")
    assert (search.ready_on, search.opened_at) == (None, before.opened_at)


def test_a_discharge_that_is_cancelled_gives_the_search_back_to_the_plan() -> None:
    story = inside()
    story.hears(PLAN)
    story.hears(OUT)
    assert story.hears(tell.cancelled(OUT)) == ["search-opened"]
    assert story.looks_for() == [("php", "2026-03-09")]
    assert len(story.searches) == 1


def test_a_discharge_that_is_cancelled_where_nothing_was_planned_closes_the_search() -> None:
    story = inside()
    story.hears(OUT)
    assert story.hears(tell.cancelled(OUT)) == ["search-closed"]


def test_a_placement_made_before_the_end_waits_for_it_and_is_not_made_again() -> None:
    story = inside()
    story.hears(PLAN)
    assert story.placed() == ["offer-accepted", "placed", "seat-held", "search-closed"]
    assert story.hears(OUT) == []
    assert (story.first_days(), story.looks_for()) == (["2026-03-09"], [])


def test_a_discharge_cancelled_after_a_planned_placement_leaves_the_placement_as_it_was() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    story.hears(OUT)
    assert story.hears(tell.cancelled(OUT)) == []
    assert story.first_days() == ["2026-03-09"]


def test_a_first_day_days_after_the_end_stands() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed(day="2026-03-14")
    assert story.hears(OUT) == []
    assert story.first_days() == ["2026-03-14"]


def test_a_plan_that_is_cancelled_takes_search_offers_placement_and_seat_back_and_names_the_cause() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    assert story.hears(OFF) == ["placement-cancelled", "seat-released"]
    gone = next(fact.value for fact in story.facts if isinstance(fact.value, PlacementCancelled))
    assert (gone.reason, gone.derived_from) == ("plan-cancelled", (OFF.id,))
    again = inside()
    again.hears(PLAN)
    assert again.hears(OFF) == ["search-closed"]
    assert again.closings() == ["plan-cancelled"]


def test_a_plan_that_is_cancelled_after_the_end_has_no_effect() -> None:
    story = inside()
    story.hears(PLAN)
    story.hears(OUT)
    late = called_off("2026-03-09 18:00", writer="placement")
    assert story.hears(late) == []
    assert story.folded.ineffective == {late.id: "plan-over"}


def test_a_plan_that_was_cancelled_and_told_again_is_looked_for_anew() -> None:
    story = inside()
    for one in (PLAN, LATER, LATEST, OFF):
        story.hears(one)
    assert story.hears(tell.cancelled(OFF), tell.restated(LATEST, expected_at="2026-03-15T11:00:00-04:00")) == [
        "search-opened"
    ]
    assert (story.closings(), story.looks_for()) == (["plan-cancelled"], [("php", "2026-03-15")])


def test_a_plan_moved_beyond_the_first_day_goes_to_the_program_as_an_offer_that_we_countered() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    assert story.hears(LATER) == ["offer-countered"]
    told = story.facts[-1].value
    assert isinstance(told, OfferCountered)
    assert (str(told.start_date), told.reason, told.derived_from) == ("2026-03-12", "plan-moved", (LATER.id,))
    assert story.first_days() == ["2026-03-09"], "placement and seat are kept meanwhile"
    assert story.hears(LATEST) == ["offer-countered"]
    assert story.facts[-1].value.replaces == story.facts[-3].id
    assert story.accepts() == ["offer-accepted", "placed", "seat-held"]
    assert story.first_days() == ["2026-03-14"]
    assert story.hears(tell.restated(LATEST, expected_at="2026-03-13T11:00:00-04:00")) == []


def test_a_plan_that_moves_back_leaves_the_day_as_it_was_agreed() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    story.hears(LATER)
    assert story.hears(tell.restated(LATER, expected_at="2026-03-08T11:00:00-04:00")) == ["fact-cancelled"]
    assert (story.offers(), story.first_days()) == ({"GH-PHP1": "accepted"}, ["2026-03-09"])


@pytest.mark.parametrize("answer", ["declined", "expired"])
def test_a_program_that_does_not_take_the_new_day_gives_the_placement_up_and_the_search_goes_on(answer: str) -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    story.hears(LATER)
    offer = story.search.waiting[0]
    if answer == "declined":
        story.add(offers.decline(story.desk(), offer.offer_id, "no-capacity"))
    else:
        story.now = offer.expires_at or story.now
        story.add(offers.expire(story.desk()))
    assert story.hears() == ["placement-cancelled", "search-opened", "seat-released"]
    assert story.looks_for() == [("php", "2026-03-12")]


def test_a_first_day_is_neither_missed_nor_told_while_the_patient_is_in_a_bed() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    (placement,) = story.folded.placements
    heading, own = story.desk().about.heading(story.now), DeskFacts.of(story.facts)
    why = refused(lambda: placements.miss(story.folded, own, heading, placement.placement_id, placement.start_date))
    assert why.code == "stay-open"
    story.hears(OUT)
    assert placements.miss(
        story.folded, DeskFacts.of(story.facts), heading, placement.placement_id, placement.start_date
    )


def test_a_stay_that_goes_on_keeps_its_placement_for_the_sites_days_and_then_gives_it_up() -> None:
    story = inside()
    story.hears(planned("2026-03-04 09:00", None))
    story.placed()

    def over() -> list[str]:
        return [one.TYPE for one in given_up(story.desk(), story.folded, DeskFacts.of(story.facts), RULES.policy)]

    story.now = tell.at("2026-03-12 23:00")
    assert over() == []
    story.now = tell.at("2026-03-13 00:30")
    assert over() == ["placement-cancelled"]


def test_a_death_ends_what_was_planned_and_its_taking_back_brings_the_placement_back() -> None:
    story = inside()
    story.hears(PLAN)
    story.placed()
    died = tell.patient_died("2026-03-05 10:00")
    assert story.hears(died) == ["placement-cancelled", "seat-released"]
    assert story.hears(tell.cancelled(died)) == ["fact-cancelled"]
    assert (story.first_days(), story.looks_for()) == (["2026-03-09"], [])


def test_an_admission_that_is_cancelled_takes_its_plan_along() -> None:
    story = inside()
    story.hears(PLAN)
    assert story.hears(tell.cancelled(IN), tell.cancelled(PLAN)) == ["search-closed"]
    assert story.closings() == ["plan-cancelled"]


def test_a_transfer_to_the_level_looked_for_ends_the_search_and_the_plan_looks_on_from_there() -> None:
    story = inside()
    story.hears(PLAN)
    assert story.hears(tell.transferred("2026-03-06 10:00", to="php")) == ["search-closed", "search-opened"]
    assert (story.closings(), story.looks_for()) == (["placed"], [("iop", "2026-03-09")])


def test_a_search_that_a_person_closed_is_not_opened_again_by_the_same_plan() -> None:
    story = inside()
    story.hears(PLAN)
    story.add(closed(story.desk(), "patient-declined"))
    assert story.hears(LATER) == []
    assert story.hears(OUT) == []


def test_a_plan_by_a_person_and_one_by_the_hospital_are_one_search_and_the_later_one_counts() -> None:
    story = inside()
    ours = planned("2026-03-04 08:00", "2026-03-08 11:00", writer="placement")
    story.hears(ours)
    story.hears(PLAN)
    (search,) = story.searches
    assert (search.trigger, str(search.ready_on)) == (PLAN.id, "2026-03-09")


MANY = st.permutations([PLAN, LATER, LATEST, OFF, OUT])


@given(MANY, st.booleans())
def test_in_every_order_and_repetition_what_is_planned_ends_alike(facts: list[Fact], twice: bool) -> None:
    told, whole = Ahead(IN), Ahead(IN)
    for one in facts:
        told.hears(one)
        if twice:
            told.hears(one)
    whole.hears(*facts)
    assert told.looks_for() == whole.looks_for() == [("php", None)]


@given(st.permutations([PLAN, LATER, LATEST]), st.booleans())
def test_taking_everything_back_leaves_nothing(facts: list[Fact], placed: bool) -> None:
    story = Ahead(IN)
    for one in facts:
        story.hears(one)
    if placed:
        story.placed(day="2026-03-20")
    for one in (LATEST, LATER, PLAN):
        story.hears(tell.cancelled(one))
    assert (story.looks_for(), story.first_days()) == ([], [])


REFERRED = tell.referred("2026-03-03 09:00", requested_level="iop")
ASSESSED = tell.assessed("2026-03-03 10:00", recommended_level="residential")


@pytest.mark.parametrize("order", [*permutations((IN, REFERRED, ASSESSED))])
def test_a_referral_and_an_assessment_look_for_the_levels_that_they_ask_for_whenever_they_are_told(
    order: tuple[Fact, ...],
) -> None:
    story = Ahead()
    for one in order:
        story.hears(one)
    assert story.looks_for() == [("iop", None), ("residential", None)]


def test_a_referral_that_asks_for_the_open_level_or_a_more_intensive_one_begins_no_search() -> None:
    for level in ("inpatient", None):
        story = inside()
        assert story.hears(tell.referred("2026-03-03 09:00", requested_level=level)) == []
    php = Ahead(tell.started("2026-03-02", level="php"))
    assert php.hears(tell.referred("2026-03-03 09:00", requested_level="residential")) == []


def test_a_level_that_was_asked_for_is_answered_once_the_patient_was_there() -> None:
    story = Ahead()
    story.hears(REFERRED, tell.started("2026-03-03", level="iop"), tell.completed("2026-03-06"))
    assert story.hears(tell.admitted("2026-03-08 10:00", visit="V2")) == ["search-closed"]
    assert story.looks_for() == []


def test_a_referral_taken_back_takes_its_search_along() -> None:
    story = inside()
    story.hears(REFERRED)
    assert story.hears(tell.cancelled(REFERRED)) == ["search-closed"]
    assert story.looks_for() == []


def test_the_end_takes_all_searches_over_and_its_cancel_gives_each_back() -> None:
    story = inside()
    story.hears(PLAN)
    story.hears(REFERRED)
    story.hears(OUT)
    assert story.looks_for() == [("iop", None), ("php", None)]
    assert {one.trigger for one in story.searches} == {OUT.id}
    story.hears(tell.cancelled(OUT))
    assert {one.trigger for one in story.searches} == {PLAN.id, REFERRED.id}


def test_a_placement_at_one_level_leaves_the_search_for_another_open() -> None:
    story = inside()
    story.hears(PLAN)
    story.hears(REFERRED)
    story.placed()
    assert story.looks_for() == [("iop", "2026-03-09")]
    story.hears(OUT)
    assert story.looks_for() == [("iop", None)]


DOWN = {
    "inpatient": ("residential", "php", "iop", "outpatient"),
    "residential": ("php", "iop"),
    "php": ("iop",),
    "iop": ("outpatient",),
}


@pytest.mark.parametrize(("before", "after"), [(one, two) for one, rest in DOWN.items() for two in rest])
def test_every_level_steps_down_to_every_other_as_planned_before_the_end(before: str, after: str) -> None:
    story = Ahead(tell.admitted("2026-03-02 10:00", level=before))
    story.hears(tell.assessed("2026-03-03 10:00", recommended_level=after))
    story.hears(PLAN)
    assert story.looks_for() == [(after, "2026-03-09")]
    story.placed(next(one.id for one in SITE.programs if one.level == after))
    story.hears(OUT)
    (placement,) = story.folded.placements
    story.hears(tell.started("2026-03-10", level=after, program=placement.program, placement=placement.placement_id))
    told = announcements(story.folded, tell.zone_of)
    [step] = [one.value for one in told if isinstance(one.value, SteppedDown)]
    assert (step.from_level, step.to_level, step.days_between, step.planned) == (before, after, 1, True)
