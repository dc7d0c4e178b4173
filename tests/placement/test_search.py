"""A search opens where a stay ends without a next one, the first acceptance wins, and all of it can go back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.placement.continuum.about import about
from services.placement.continuum.fold import fold
from services.placement.search import offers
from services.placement.search.levels import Question, Recommendation, recommend
from services.placement.search.offers import Asked
from services.placement.search.search import Desk, closed, followed, needs_of, opened, wanted
from services.placement.search.searches import Search, searches
from services.placement.search.states import (
    ANSWERABLE,
    DECLINE_REASONS,
    MEANING,
    OFFER_MOVES,
    SEARCH_MOVES,
    No,
    OfferState,
    SearchState,
)
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.envelope import Fact
from shared.events.placing import Needs, SeatHeld
from shared.events.saying import said
from shared.site_config import SAMPLE, load
from shared.site_values import Program
from tests import builders as tell

SITE = load(SAMPLE)
NOW = tell.at("2026-03-09 15:00")
IN, OUT = tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 14:00")


def program(name: str) -> Program:
    """A program of the sample site."""
    found = SITE.program(name)
    assert found is not None
    return found


class Story:
    """An episode's facts, and what placement adds to them by its decisions."""

    def __init__(self, *facts: Fact) -> None:
        self.facts = list(facts)
        self.numbers = count(1)
        self.now = NOW

    @property
    def folded(self) -> Any:
        return fold(self.facts, tell.zone_of)

    @property
    def searches(self) -> tuple[Search, ...]:
        return searches(self.facts)

    @property
    def search(self) -> Search:
        return self.searches[-1]

    def desk(self) -> Desk:
        found = self.searches
        return Desk(about(self.folded), found[-1] if found else None, self.now, lambda: f"id-{next(self.numbers)}")

    def add(self, values: Sequence[CareFact]) -> list[str]:
        """State what was decided; the names of the facts."""
        for value in values:
            number = 1000 + len(self.facts)
            self.facts.append(said(value, ce_id=f"own-{number}", writer="placement", sequence=number))
        return [value.TYPE for value in values]

    def hears(self, *facts: Fact) -> list[str]:
        """Facts come from elsewhere, and placement follows."""
        self.facts += facts
        cause = tuple(fact.id for fact in facts)
        return self.add(followed(self.desk(), self.folded, by_policy, self.searches[:-1], cause))

    def offers(self) -> dict[str, str]:
        """Program → state of its last offer."""
        return {one.program: one.state.value for one in self.search.offers}


def by_policy(question: Question) -> Recommendation:
    """The sample site's recommendation."""
    return recommend(SITE.recommendations, question, SITE.version)


def searching() -> Story:
    """A patient left the ward, and a search is open."""
    story = Story(IN)
    assert story.hears(OUT) == ["search-opened"]
    return story


def asking(*names: str) -> Story:
    """Offers went out to these programs."""
    story = searching()
    asked = [Asked(program(name), date(2026, 3, 11), variance_reason="asked") for name in names]
    story.add(offers.send(story.desk(), asked, NOW + timedelta(days=1)))
    return story


def offer_of(story: Story, name: str) -> str:
    """The id of the program's last offer."""
    return [one.offer_id for one in story.search.offers if one.program == name][-1]


def refused(decide: Callable[[], object]) -> Rejected:
    """Why not."""
    with pytest.raises(Rejected) as why:
        decide()
    return why.value


@pytest.mark.parametrize(
    ("facts", "from_level"),
    [
        ([IN], None),
        ([IN, OUT], "inpatient"),
        ([IN, tell.discharged(kind="against-advice")], "inpatient"),
        ([IN, tell.discharged(kind="transfer")], None),
        ([IN, tell.discharged(kind="deceased")], None),
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
    found = wanted(tell.folded(*facts))
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
    assert (opening["derived_from"], opening["policy"], opening["reasons"]) == (
        [OUT.id], SITE.version, ["after-inpatient"],
    )  # fmt: skip
    assert story.hears() == []


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ([tell.referred(level="iop")], "iop"),
        ([tell.referred()], "outpatient"),
        ([tell.referred(level="iop"), tell.assessed("2026-03-01 10:00", recommended_level="php")], "php"),
        ([tell.referred(level="iop"), IN, OUT], "php"),
    ],
)
def test_a_referrals_level_and_an_assessments_are_asked_for(facts: list[Fact], level: str) -> None:
    story = Story()
    story.hears(*facts)
    assert story.search.recommended_level == level


@pytest.mark.parametrize(
    ("came", "said_then", "reason"),
    [
        (tell.cancelled(OUT), ["offer-withdrawn", "search-closed"], "discharge-cancelled"),
        (tell.admitted("2026-03-12 10:00", visit="V2"), ["offer-withdrawn", "search-closed"], "placed"),
        (tell.episode_ended("2026-03-12 10:00"), ["offer-withdrawn", "search-closed"], "no-program"),
        (tell.restated(OUT, disposition={"kind": "deceased"}), ["offer-withdrawn", "search-closed"], "no-program"),
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
        assert all(fact.value["derived_from"] == [came.id] for fact in story.facts[-2:])
        assert story.offers() == {"GH-PHP1": "withdrawn"}
    assert story.hears() == []


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


def test_the_first_acceptance_wins_and_the_rest_are_withdrawn() -> None:
    story = asking("GH-PHP1", "GH-IOP1", "RB-PHP")
    said_then = offers.accept(story.desk(), offer_of(story, "GH-IOP1"), tell.ZONE)
    assert story.add(said_then) == [
        "offer-accepted", "placed", "seat-held", "offer-withdrawn", "offer-withdrawn", "search-closed",
    ]  # fmt: skip
    assert story.offers() == {"GH-PHP1": "withdrawn", "GH-IOP1": "accepted", "RB-PHP": "withdrawn"}
    assert (story.search.state, story.search.reason) == (SearchState.CLOSED, "placed")
    (placement,) = story.folded.placements
    assert (placement["level"], placement["start_date"], placement["variance_reason"]) == ("iop", "2026-03-11", "asked")
    (seat,) = [one for one in said_then if isinstance(one, SeatHeld)]
    assert (seat.begins, seat.placement_id) == (tell.in_utc("2026-03-11"), placement["placement_id"])
    late = refused(lambda: offers.accept(story.desk(), offer_of(story, "GH-PHP1"), tell.ZONE))
    assert (late.code, late.possible) == ("withdrawn", ("offer-reopened",))
    assert story.hears() == []


def test_a_countered_offer_is_accepted_for_the_day_last_proposed() -> None:
    story = asking("GH-PHP1")
    offer = offer_of(story, "GH-PHP1")
    story.add(offers.counter(story.desk(), offer, date(2026, 3, 16), "later-start"))
    assert story.offers() == {"GH-PHP1": "countered"}
    story.add(offers.accept(story.desk(), offer, tell.ZONE))
    assert story.folded.placements[0]["start_date"] == "2026-03-16"


def test_an_offer_without_a_first_day_is_accepted_with_one() -> None:
    story = searching()
    story.add(offers.send(story.desk(), [Asked(program("GH-PHP1"), group="A", track="mood")]))
    offer = offer_of(story, "GH-PHP1")
    assert refused(lambda: offers.accept(story.desk(), offer, tell.ZONE)).code == "start-date-needed"
    story.add(offers.accept(story.desk(), offer, tell.ZONE, date(2026, 3, 12)))
    placed = next(fact for fact in story.facts if fact.name == "placed")
    assert (placed.value["group"], placed.value["track"]) == ("A", "mood")


PHP1, IOP1 = program("GH-PHP1"), program("GH-IOP1")


@pytest.mark.parametrize(
    ("asked", "hours", "code"),
    [
        ([Asked(PHP1)], 24, None),
        ([], 24, "nobody-asked"),
        ([Asked(PHP1), Asked(PHP1)], 24, "already-asked"),
        ([Asked(IOP1)], 24, "variance-reason-needed"),
        ([Asked(IOP1, variance_reason="patient-asks")], 24, None),
        ([Asked(PHP1, group="Z")], 24, "unknown-group"),
        ([Asked(PHP1, track="substance-use")], 24, "unknown-track"),
        ([Asked(PHP1)], 0, "expires-in-the-past"),
    ],
)
def test_an_offer_is_sent_or_refused_with_what_is_possible(asked: list[Asked], hours: int, code: str | None) -> None:
    story = searching()
    expires = NOW + timedelta(hours=hours)
    if code is None:
        assert story.add(offers.send(story.desk(), asked, expires)) == ["offer-sent"]
        assert refused(lambda: offers.send(story.desk(), asked, expires)).code == "already-asked"
    else:
        assert refused(lambda: offers.send(story.desk(), asked, expires)).code == code


def test_nothing_is_offered_where_nothing_is_looked_for() -> None:
    story = Story(IN)
    assert refused(lambda: offers.send(story.desk(), [Asked(PHP1)])).code == "no-search"
    assert refused(lambda: closed(story.desk(), "no-program")).code == "no-search"
    story.hears(OUT)
    want = wanted(story.folded)
    assert want is not None
    assert refused(lambda: opened(story.desk(), want, by_policy(want.question), Needs())).code == "search-open"
    story.add(closed(story.desk(), "no-program"))
    assert refused(lambda: offers.send(story.desk(), [Asked(PHP1)])).code == "search-closed"


def test_a_search_that_is_restated_looks_for_something_else_and_keeps_its_offers() -> None:
    story = asking("GH-PHP1")
    want = wanted(story.folded)
    assert want is not None
    more = Needs(language="es", payer="ACME")
    story.add([opened(story.desk(), want, by_policy(want.question), more, replaces=story.search.fact)])
    assert len(story.searches) == 1
    assert (story.search.needs, story.offers()) == (more, {"GH-PHP1": "sent"})
    assert story.hears() == []


def test_a_decline_has_a_coded_reason_and_the_desk_may_ask_again() -> None:
    story = asking("GH-PHP1")
    offer = offer_of(story, "GH-PHP1")
    why = refused(lambda: offers.decline(story.desk(), offer, "we would rather not"))
    assert (why.code, set(why.possible)) == ("unknown-reason", set(DECLINE_REASONS))
    story.add(offers.decline(story.desk(), offer, "no-capacity"))
    assert story.offers() == {"GH-PHP1": "declined"}
    story.add(offers.reopen(story.desk(), offer, "asked-again"))
    assert (story.offers(), story.search.offers[0].expires_at) == ({"GH-PHP1": "sent"}, None)


def test_an_offer_expires_when_its_time_is_over_and_only_then() -> None:
    story = asking("GH-PHP1", "RB-PHP")
    assert offers.expire(story.desk()) == ()
    story.add(offers.withdraw(story.desk(), offer_of(story, "RB-PHP"), "wrong-program"))
    story.now = NOW + timedelta(days=2)
    facts = offers.expire(story.desk())
    assert [fact.occurred_at for fact in facts] == [NOW + timedelta(days=1)]
    assert story.add(facts) == ["offer-expired"]
    assert offers.expire(story.desk()) == ()


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
    assert (story.facts[-1].value["reason"], story.facts[-1].value["derived_from"]) == (
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


def test_the_tables_have_every_move_and_every_word_is_explained() -> None:
    rows = {name for name, _ in OFFER_MOVES}
    assert OFFER_MOVES.keys() == {(name, state) for name in rows for state in OfferState}
    assert SEARCH_MOVES.keys() == {(f"search-{end}", state) for end in ("opened", "closed") for state in SearchState}
    assert MEANING.keys() == set(No)
    for (_, state), outcome in OFFER_MOVES.items():
        if isinstance(outcome, OfferState) and state not in {OfferState.NONE, *ANSWERABLE}:
            assert outcome is OfferState.SENT


NAMES = ("GH-PHP1", "RB-PHP", "GH-IOP1")
COMMANDS = st.tuples(
    st.sampled_from(("send", "counter", "accept", "decline", "withdraw", "reopen", "expire", "close")),
    st.sampled_from(NAMES),
    st.integers(0, 40),
)


def decided(story: Story, command: str, name: str) -> Sequence[CareFact]:
    """What the command comes to."""
    desk = story.desk()
    known = {one.program: one.offer_id for one in story.search.offers}
    offer = known.get(name, "nothing")
    soon = story.now + timedelta(hours=30)
    choices: dict[str, Callable[[], Sequence[CareFact]]] = {
        "send": lambda: offers.send(desk, [Asked(program(name), date(2026, 3, 11), variance_reason="asked")], soon),
        "counter": lambda: offers.counter(desk, offer, date(2026, 3, 12)),
        "accept": lambda: offers.accept(desk, offer, tell.ZONE),
        "decline": lambda: offers.decline(desk, offer, "other"),
        "withdraw": lambda: offers.withdraw(desk, offer, "no-longer"),
        "reopen": lambda: offers.reopen(desk, offer, "again", soon),
        "expire": lambda: offers.expire(desk),
        "close": lambda: closed(desk, "no-program"),
    }
    return choices[command]()


@settings(max_examples=60, deadline=None)
@given(st.lists(COMMANDS, max_size=14))
def test_whatever_is_tried_one_offer_at_most_is_accepted_and_a_closed_search_waits_for_nobody(
    commands: list[tuple[str, str, int]],
) -> None:
    story = searching()
    for command, name, hours in commands:
        story.now += timedelta(hours=hours)
        before = story.search
        try:
            story.add(decided(story, command, name))
        except Rejected:
            assert story.search == before
        accepted = [one for one in story.search.offers if one.state is OfferState.ACCEPTED]
        assert len(accepted) == len(story.folded.placements) == sum(f.name == "seat-held" for f in story.facts) <= 1
        if accepted:
            assert (story.search.state, story.search.reason) == (SearchState.CLOSED, "placed")
        if story.search.state is SearchState.CLOSED:
            assert story.search.waiting == ()
        assert len({one.program for one in story.search.waiting}) == len(story.search.waiting)
        assert searches(reversed(story.facts)) == story.searches


def test_times_of_offers_are_read_back_as_they_were_stated() -> None:
    story = asking("GH-PHP1")
    (offer,) = story.search.offers
    assert isinstance(offer.expires_at, datetime)
    assert (offer.expires_at, offer.level, offer.facility) == (NOW + timedelta(days=1), "php", "GOODHEALTH")
