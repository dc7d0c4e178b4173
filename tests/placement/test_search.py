"""A search opens where a stay ends without a next one, closes when that is no longer so, and can come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.placement.search import offers
from services.placement.search.offers import OfferRequest
from services.placement.search.search import closed, needs_of, opened, wanted
from services.placement.search.states import SearchState
from shared.events.placing import Needs, SearchOpened
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.searching import (
    IN,
    OUT,
    POLICY,
    SITE,
    Story,
    asking,
    by_policy,
    offer_of,
    program,
    refused,
    searching,
)

DIED = tell.patient_died("2026-03-12 10:00")
DIED_ELSEWHERE = tell.patient_died("2026-03-12 10:00", facility=tell.ELSEWHERE)
IOP = (tell.started("2026-03-10", level="iop"), tell.completed("2026-03-20"))


@pytest.mark.parametrize(
    ("facts", "from_level"),
    [
        ([IN], None),
        ([IN, OUT], "inpatient"),
        ([IN, tell.discharged(kind="against-advice")], "inpatient"),
        ([IN, tell.discharged(kind="transfer")], None),
        ([IN, tell.discharged(kind="deceased")], None),
        ([IN, tell.discharged(code="04")], "inpatient"),
        ([IN, tell.discharged(code="50", kind="hospice")], None),
        ([IN, tell.discharged(code="21", kind="custody")], None),
        ([IN, OUT, DIED], None),
        ([IN, DIED, OUT], None),
        ([IN, OUT, DIED_ELSEWHERE], None),
        ([IN, OUT, DIED, tell.cancelled(DIED)], "inpatient"),
        ([tell.referred(), DIED], None),
        ([IN, OUT, tell.admitted("2026-03-12 10:00", visit="V2")], None),
        ([IN, OUT, tell.placed(placement="P1")], None),
        ([IN, OUT, tell.placed(placement="P1"), tell.placement_cancelled("2026-03-09 16:00")], "inpatient"),
        ([IN, OUT, tell.started("2026-03-10", level="php")], None),
        ([tell.started("2026-03-10", level="php"), tell.completed("2026-03-20")], "php"),
        ([tell.started("2026-03-10", level="php"), tell.discontinued("2026-03-20")], None),
        ([tell.started("2026-03-10", level="outpatient"), tell.completed("2026-03-20")], None),
        ([IN, OUT, tell.started("2026-03-01", level="iop")], None),
        ([tell.referred()], "none"),
        ([tell.referred(), IN], None),
        ([tell.referred(), tell.placed(placement="P1")], None),
        ([tell.visit_started(visit="E1"), tell.visit_ended(visit="E1")], None),
        ([IN, OUT, tell.visit_started("2026-03-10 08:00", visit="E1")], "inpatient"),
        ([IN, OUT, tell.cancelled(OUT)], None),
        ([IN, OUT, tell.episode_ended("2026-03-10 09:00")], None),
        ([], None),
    ],
)
def test_a_search_is_wanted_where_a_stay_ended_and_no_next_one_is_known(
    facts: list[Fact], from_level: str | None
) -> None:
    found = wanted(tell.folded(*facts), POLICY.begins)
    assert (found and (found.question.from_level or "none")) == from_level


def test_a_search_opens_with_the_level_that_the_policy_recommends_and_what_is_known_of_the_needs() -> None:
    story = Story(IN, tell.covered("2026-03-02 11:00", payer="ACME", effective="2026-03-02"))
    story.hears(OUT)
    search = story.search
    assert (search.state, search.from_level, search.recommended_level, search.trigger) == (
        SearchState.OPEN, "inpatient", "php", OUT.id,
    )  # fmt: skip
    assert search.needs == Needs(payer="ACME") == needs_of(story.folded)
    opening = story.facts[-1].value
    assert isinstance(opening, SearchOpened)
    assert (opening.derived_from, opening.policy, opening.reasons) == ((OUT.id,), SITE.version, ("after-inpatient",))
    assert story.hears() == []


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ([tell.referred(requested_level="iop")], "iop"),
        ([tell.referred()], "outpatient"),
        ([tell.referred(requested_level="iop"), tell.assessed("2026-03-01 10:00", recommended_level="php")], "php"),
        ([tell.referred(requested_level="iop"), IN, OUT], "php"),
        ([tell.assessed("2026-03-01 10:00", recommended_level="inpatient"), IN, OUT], "php"),
        ([IN, tell.assessed("2026-03-02 15:00", recommended_level="inpatient"), OUT], "php"),
        ([IN, tell.assessed("2026-03-08 15:00", recommended_level="residential"), OUT], "residential"),
        ([IN, OUT, tell.referred("2026-03-09 12:30", requested_level="iop")], "iop"),
        ([tell.referred("2026-03-10 10:00", requested_level="iop"), *IOP], "outpatient"),
        ([*IOP, tell.referred("2026-03-12 10:00", requested_level="iop")], "iop"),
    ],
)
def test_a_level_is_asked_for_by_what_was_said_after_the_first_day_of_the_stay_that_ended(
    facts: list[Fact], level: str
) -> None:
    story = Story()
    story.hears(*facts)
    assert story.search.recommended_level == level


@pytest.mark.parametrize(
    ("came", "said_then", "reason"),
    [
        (tell.cancelled(OUT), ["offer-withdrawn", "search-closed"], "discharge-cancelled"),
        (tell.admitted("2026-03-12 10:00", visit="V2"), ["offer-withdrawn", "search-closed"], "placed"),
        (tell.episode_ended("2026-03-12 10:00"), ["offer-withdrawn", "search-closed"], "no-program"),
        (tell.restated(OUT, disposition={"kind": "deceased"}), ["offer-withdrawn", "search-closed"], "deceased"),
        (DIED, ["offer-withdrawn", "search-closed"], "deceased"),
        (DIED_ELSEWHERE, ["offer-withdrawn", "search-closed"], "other"),
        (tell.restated(OUT, when="2026-03-09 13:00"), [], None),
    ],
)
def test_a_search_closes_when_what_asked_for_it_goes_or_the_patient_is_cared_for(
    came: Fact, said_then: list[str], reason: str | None
) -> None:
    story = asking("GH-PHP1")
    assert story.hears(came) == said_then
    assert story.search.reason == reason
    if reason:
        assert all(fact.as_json["derived_from"] == [came.id] for fact in story.facts[-2:])
        assert story.offers() == {"GH-PHP1": "withdrawn"}
    assert story.hears() == []


def test_a_death_taken_back_opens_the_search_again() -> None:
    story = asking("GH-PHP1")
    story.hears(DIED)
    assert story.hears(tell.cancelled(DIED)) == ["search-opened"]
    assert story.search.trigger == OUT.id
    assert story.hears() == []


def test_a_program_elsewhere_is_not_told_of_a_death() -> None:
    story = asking("GH-PHP1", "RB-PHP")
    story.hears(DIED)
    told = {one.program: one.reason for one in story.search.offers}
    assert told == {"GH-PHP1": "deceased", "RB-PHP": "ask-before-calling"}


def test_a_placement_that_has_not_begun_is_cancelled_by_a_death_and_the_search_comes_back_without_it() -> None:
    story = searching()
    story.hears(placed := tell.placed("2026-03-09 14:30", placement="P1", level="php"))
    assert story.search.reason == "placed"
    assert story.hears(DIED) == ["placement-cancelled"]
    assert story.facts[-1].as_json["placement_id"] == placed.as_json["placement_id"]
    assert story.hears() == []
    assert story.hears(tell.cancelled(DIED)) == ["search-opened"]


def test_a_discharge_that_returns_opens_a_search_of_its_own() -> None:
    story = searching()
    story.hears(tell.cancelled(OUT))
    assert story.hears(tell.discharged("2026-03-10 11:00")) == ["search-opened"]
    assert [one.state for one in story.searches] == [SearchState.CLOSED, SearchState.OPEN]


@pytest.mark.parametrize("reason", ["patient-declined", "no-program", "lost-contact"])
def test_a_search_that_a_person_closed_stays_closed_for_this_discharge(reason: Any) -> None:
    story = searching()
    story.add(closed(story.desk(), reason))
    assert story.hears() == []
    assert story.hears(tell.admitted("2026-03-12 10:00", visit="V2")) == []
    assert story.hears(tell.discharged("2026-03-15 10:00", visit="V2")) == ["search-opened"]


def test_nothing_is_offered_where_nothing_is_looked_for() -> None:
    story = Story(IN)
    assert refused(lambda: offers.send(story.desk(), [OfferRequest(program("GH-PHP1"))])).code == "no-search"
    assert refused(lambda: closed(story.desk(), "no-program")).code == "no-search"
    story.hears(OUT)
    want = wanted(story.folded, POLICY.begins)
    assert want is not None
    assert refused(lambda: opened(story.desk(), want, by_policy(want.question), Needs())).code == "search-open"
    story.add(closed(story.desk(), "no-program"))
    assert refused(lambda: offers.send(story.desk(), [OfferRequest(program("GH-PHP1"))])).code == "search-closed"


def test_a_search_that_is_restated_looks_for_something_else_and_keeps_its_offers() -> None:
    story = asking("GH-PHP1")
    want = wanted(story.folded, POLICY.begins)
    assert want is not None
    more = Needs(language="es", payer="ACME")
    story.add([opened(story.desk(), want, by_policy(want.question), more, replaces=story.search.fact)])
    assert len(story.searches) == 1
    assert (story.search.needs, story.offers()) == (more, {"GH-PHP1": "sent"})
    assert story.hears() == []


def placed_story(*more: Fact) -> Story:
    """A program accepted; then these facts."""
    story = asking("GH-PHP1")
    story.add(offers.accept(story.desk(), offer_of(story, "GH-PHP1"), tell.ZONE))
    story.facts += more
    return story


def test_a_placement_that_has_not_started_goes_with_its_discharge() -> None:
    story = placed_story()
    back = tell.cancelled(OUT)
    assert story.hears(back) == ["placement-cancelled"]
    assert (story.facts[-1].as_json["reason"], story.facts[-1].as_json["derived_from"]) == (
        "discharge-cancelled",
        [back.id],
    )
    assert story.folded.placements == ()
    assert story.hears() == []


def test_a_placement_that_has_started_waits_for_the_discharge_to_return() -> None:
    story = placed_story()
    placement = story.search.placement_id
    assert placement is not None
    story.facts.append(replace(tell.started("2026-03-11", placement=placement, level="php"), sequence=5000))
    assert story.hears(tell.cancelled(OUT)) == []
    assert len(story.folded.placements) == 1
    assert story.hears(tell.discharged("2026-03-10 09:00")) == []
    assert [stay.open for stay in story.folded.stays] == [False, True]


def test_a_placement_that_is_cancelled_opens_a_search_again() -> None:
    story = placed_story()
    placement = story.search.placement_id or ""
    cancel = replace(tell.placement_cancelled("2026-03-09 17:00", placement=placement), sequence=5000)
    assert story.hears(cancel) == ["search-opened"]


def test_a_search_knows_the_age_that_the_admission_told() -> None:
    young = tell.admitted("2026-03-02 10:00", age_years=15)
    story = Story(young)
    story.hears(tell.discharged("2026-03-09 14:00"))
    assert story.search.needs.age_years == 15
