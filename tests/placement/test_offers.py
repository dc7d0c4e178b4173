"""Offers go to one program or many; the first acceptance wins, and nothing is answered twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.search import offers
from services.placement.search.offers import OfferRequest
from services.placement.search.search import closed
from services.placement.search.searches import DeskFacts
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
from shared.events.placing import SeatHeld
from tests import builders as tell
from tests.placement.searching import NOW, Story, asking, offer_of, program, refused, searching


def test_the_first_acceptance_wins_and_the_rest_are_withdrawn() -> None:
    story = asking("GH-PHP1", "GH-IOP1", "RB-PHP")
    said_then = offers.accept(story.desk(), offer_of(story, "GH-IOP1"), tell.ZONE)
    assert story.add(said_then) == [
        "offer-accepted", "placed", "seat-held", "offer-withdrawn", "offer-withdrawn", "search-closed",
    ]  # fmt: skip
    assert story.offers() == {"GH-PHP1": "withdrawn", "GH-IOP1": "accepted", "RB-PHP": "withdrawn"}
    assert (story.search.state, story.search.reason) == (SearchState.CLOSED, "placed")
    (placement,) = story.folded.placements
    assert (placement.level, placement.start_date, placement.variance_reason) == ("iop", date(2026, 3, 11), "asked")
    (seat,) = [one for one in said_then if isinstance(one, SeatHeld)]
    assert (seat.begins, seat.placement_id) == (tell.in_utc("2026-03-11"), placement.placement_id)
    late = refused(lambda: offers.accept(story.desk(), offer_of(story, "GH-PHP1"), tell.ZONE))
    assert (late.code, late.possible) == ("withdrawn", ("offer-reopened",))
    assert story.hears() == []


def test_a_countered_offer_is_accepted_for_the_day_last_proposed() -> None:
    story = asking("GH-PHP1")
    offer = offer_of(story, "GH-PHP1")
    story.add(offers.counter(story.desk(), offer, date(2026, 3, 16), "later-start"))
    assert story.offers() == {"GH-PHP1": "countered"}
    story.add(offers.accept(story.desk(), offer, tell.ZONE))
    assert story.folded.placements[0].start_date == date(2026, 3, 16)


def test_an_offer_without_a_first_day_is_accepted_with_one() -> None:
    story = searching()
    story.add(offers.send(story.desk(), [OfferRequest(program("GH-PHP1"), group="A", track="mood")]))
    offer = offer_of(story, "GH-PHP1")
    assert refused(lambda: offers.accept(story.desk(), offer, tell.ZONE)).code == "start-date-needed"
    story.add(offers.accept(story.desk(), offer, tell.ZONE, date(2026, 3, 12)))
    placed = next(fact for fact in story.facts if fact.name == "placed")
    assert (placed.as_json["group"], placed.as_json["track"]) == ("A", "mood")


PHP1, IOP1 = program("GH-PHP1"), program("GH-IOP1")


@pytest.mark.parametrize(
    ("asked", "hours", "code"),
    [
        ([OfferRequest(PHP1)], 24, None),
        ([], 24, "nobody-asked"),
        ([OfferRequest(PHP1), OfferRequest(PHP1)], 24, "already-asked"),
        ([OfferRequest(IOP1)], 24, "variance-reason-needed"),
        ([OfferRequest(IOP1, variance_reason="patient-asks")], 24, None),
        ([OfferRequest(PHP1, group="Z")], 24, "unknown-group"),
        ([OfferRequest(PHP1, track="substance-use")], 24, "unknown-track"),
        ([OfferRequest(PHP1)], 0, "expires-in-the-past"),
    ],
)
def test_an_offer_is_sent_or_refused_with_what_is_possible(
    asked: list[OfferRequest], hours: int, code: str | None
) -> None:
    story = searching()
    expires = NOW + timedelta(hours=hours)
    if code is None:
        assert story.add(offers.send(story.desk(), asked, expires)) == ["offer-sent"]
        assert refused(lambda: offers.send(story.desk(), asked, expires)).code == "already-asked"
    else:
        assert refused(lambda: offers.send(story.desk(), asked, expires)).code == code


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
        "send": lambda: offers.send(
            desk, [OfferRequest(program(name), date(2026, 3, 11), variance_reason="asked")], soon
        ),
        "counter": lambda: offers.counter(desk, offer, date(2026, 3, 12)),
        "accept": lambda: offers.accept(desk, offer, tell.ZONE),
        "decline": lambda: offers.decline(desk, offer, "other"),
        "withdraw": lambda: offers.withdraw(desk, offer, "no-longer"),
        "reopen": lambda: offers.reopen(desk, offer, "again", soon),
        "expire": lambda: offers.expire(desk),
        "close": lambda: closed(desk, "no-program"),
    }
    return choices[command]()


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
        assert DeskFacts.of(reversed(story.facts)).searches == story.searches


def test_times_of_offers_are_read_back_as_they_were_stated() -> None:
    story = asking("GH-PHP1")
    (offer,) = story.search.offers
    assert offer.expires_at is not None
    assert (offer.expires_at, offer.level, offer.facility) == (NOW + timedelta(days=1), "php", "GOODHEALTH")
