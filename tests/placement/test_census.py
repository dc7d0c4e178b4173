"""A seat is counted once, by whichever door its patient came: ADT, the desk, or a seat that is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.fold import fold
from services.placement.programs.census import Place, Presence, census, end_known, first_under, presences, taken_at
from services.placement.programs.seats import Claim, Headcount, Seats, first_free, kept, may_claim
from shared.errors import Rejected
from shared.facts.envelope import Fact
from tests.builders import a_story, admitted, discharged, fact, leave_started, started, transferred, zone_of

START = datetime(2026, 3, 10, tzinfo=UTC)
HORIZON = 24


def day(number: int) -> datetime:
    """Midnight of a day; 0 is 10 March."""
    return START + timedelta(days=number)


def place(
    person: str, since: int, until: int | None = None, seat: str | None = None, group: str | None = None
) -> Place:
    return Place(person, day(since), None if until is None else day(until), group, seat)


ANNA_THERE, ANNAS_SEAT = place("anna", 0), place("anna", 2, seat="s1")


@pytest.mark.parametrize(
    ("places", "most", "what"),
    [
        ([], 0, "nobody"),
        ([ANNA_THERE], 1, "who came by ADT and has no seat held"),
        ([ANNAS_SEAT], 1, "a seat held"),
        ([ANNA_THERE, ANNAS_SEAT], 1, "the placement begun: one person"),
        ([place("anna", 0, seat="s1"), place("anna", 0, seat="s2")], 2, "two seats kept for one person"),
        ([ANNA_THERE, place("bert", 5, seat="s2")], 2, "somebody there, another one's seat later"),
        ([place("anna", 0, 5), place("bert", 5)], 1, "who comes when another leaves"),
        ([place("anna", 0, 6), place("bert", 5)], 2, "who comes before another leaves"),
        ([place("anna", 0, 3), place("anna", 3, 6), place("bert", 0)], 2, "a stay that goes on in a seat"),
    ],
)
def test_every_seat_held_counts_and_everybody_who_is_there_without_one(
    places: list[Place], most: int, what: str
) -> None:
    assert census(places, day(0)) == most, what


STAY = {"program": "GH-PHP1", "level": "php"}


def told(*facts: Fact) -> list[tuple[str, str, str | None]]:
    """(program, since, until) of where the episode's stays are, by these facts."""
    found = presences(fold(a_story(*facts), zone_of))
    return [(one.program, _day(one.since) or "", _day(one.until)) for one in found]


def _day(at: datetime | None) -> str | None:
    return at.astimezone(zone_of("GOODHEALTH")).strftime("%d") if at else None


def planned(at: str, expected: str, **more: Any) -> Fact:
    return fact("discharge-planned", at, stay=("visit", "V1"), expected_at=f"{expected}T11:00:00-04:00", **more)


@pytest.mark.parametrize(
    ("facts", "there"),
    [
        ([admitted("2026-03-10 10:00", **STAY)], [("GH-PHP1", "10", None)]),
        ([admitted("2026-03-10 10:00", level="php")], []),
        ([started("2026-03-10", **STAY)], [("GH-PHP1", "10", None)]),
        ([admitted("2026-03-10 10:00", **STAY), leave_started("2026-03-12 10:00")], [("GH-PHP1", "10", None)]),
        (
            [
                admitted("2026-03-10 10:00", level="inpatient", program="GH-3W"),
                transferred("2026-03-12 10:00", to="php", program="GH-PHP1"),
            ],
            [("GH-3W", "10", "12"), ("GH-PHP1", "12", None)],
        ),
        (
            [admitted("2026-03-10 10:00", **STAY), discharged("2026-03-14 10:00", level="php")],
            [("GH-PHP1", "10", "14")],
        ),
        (
            [
                started("2026-03-10", **STAY),
                admitted("2026-03-12 10:00", visit="V2", level="inpatient", program="GH-3W"),
            ],
            [("GH-PHP1", "10", "12"), ("GH-3W", "12", None)],
        ),
    ],
)
def test_a_stay_is_at_its_program_from_its_beginning_until_it_leaves_or_is_suspended(
    facts: list[Fact], there: list[tuple[str, str, str | None]]
) -> None:
    assert told(*facts) == there


def test_a_stay_with_an_expected_end_leaves_its_seat_then_as_far_as_is_known() -> None:
    [one] = presences(
        fold(a_story(admitted("2026-03-10 10:00", program="GH-3W"), planned("2026-03-11 08:00", "2026-03-15")), zone_of)
    )
    assert one == Presence("visit", "V1", 0, "GH-3W", one.since, None, datetime(2026, 3, 15, 15, tzinfo=UTC))
    assert end_known(one.until, one.expected, day(3)) == one.expected
    assert end_known(one.until, one.expected, day(9)) is None, "expected, and not gone: nobody knows until when"
    off = fact("discharge-plan-cancelled", "2026-03-11 09:00", stay=("visit", "V1"))
    [again] = presences(
        fold(
            a_story(admitted("2026-03-10 10:00", program="GH-3W"), planned("2026-03-11 08:00", "2026-03-15"), off),
            zone_of,
        )
    )
    assert again.expected is None


SMALL = Seats("GH-PHP1", 2, {"A": 1})


@pytest.mark.parametrize(
    ("places", "person", "since", "group", "expected"),
    [
        ([], "me", 0, None, Headcount(0, 2)),
        ([ANNA_THERE], "me", 0, None, Headcount(1, 2)),
        ([ANNA_THERE, place("bert", 0)], "me", 0, None, "program-full"),
        ([ANNA_THERE, place("bert", 0)], "bert", 0, None, Headcount(1, 2)),
        ([ANNA_THERE, place("bert", 0, 4)], "me", 4, None, Headcount(1, 2)),
        ([ANNA_THERE, place("bert", 9)], "me", 0, None, "program-full"),
        ([place(each, 0) for each in "abcde"], "me", 0, None, "program-full"),
        ([place("a", 0, seat="s", group="A")], "me", 0, "A", "group-full"),
        ([place("a", 0)], "me", 0, "A", Headcount(1, 2, 0, 1)),
    ],
)
def test_a_claim_rests_on_who_else_is_there(
    places: list[Place], person: str, since: int, group: str | None, expected: Headcount | str
) -> None:
    new = Claim("new", "GH-PHP1", day(since), None, group)
    if isinstance(expected, str):
        with pytest.raises(Rejected) as no:
            may_claim(SMALL, places, new, person)
        assert no.value.code == expected
    else:
        assert may_claim(SMALL, places, new, person) == expected
        assert kept(expected)


@pytest.mark.parametrize(
    ("told", "held"),
    [
        (Headcount(19, 20), True),
        (Headcount(20, 20), False),
        (Headcount(5, 20, 10, 10), False),
        (Headcount(5, 20, 9, 10), True),
    ],
)
def test_what_a_claim_was_decided_on_says_whether_the_promise_was_kept(told: Headcount, held: bool) -> None:
    assert kept(told) is held


PLACES = st.lists(
    st.builds(
        place,
        st.sampled_from("abcd"),
        st.integers(0, 15),
        st.one_of(st.none(), st.integers(0, 18)),
        st.sampled_from((None, "s")),
    ),
    max_size=12,
)


def there_on(places: list[Place], number: int) -> int:
    """The oracle: of everybody the seats held on a day, or the one that they sit on."""
    at = day(number)
    now = [p for p in places if p.since <= at and (p.until is None or at < p.until)]
    held = [(sum(p.seat_id is not None for p in now if p.person == each), each) for each in "abcd"]
    return sum(max(count, int(any(p.person == each for p in now))) for count, each in held)


@given(PLACES, st.integers(0, 15), st.one_of(st.none(), st.integers(0, 20)))
def test_the_census_is_the_most_seats_taken_on_any_day(places: list[Place], since: int, until: int | None) -> None:
    last = HORIZON if until is None else until
    expected = max((there_on(places, number) for number in range(since, last)), default=0)
    assert census(places, day(since), None if until is None else day(until)) == expected
    assert taken_at(places, day(since)) == there_on(places, since)


@given(PLACES, st.integers(0, 4), st.integers(0, 15))
def test_a_seat_is_free_from_the_first_day_on_after_which_it_never_goes(
    places: list[Place], room: int, since: int
) -> None:
    fine = [all(there_on(places, later) < room for later in range(number, HORIZON)) for number in range(HORIZON)]
    first = next((number for number in range(since, HORIZON) if fine[number]), None)
    assert first_under(places, room, day(since)) == (None if first is None else day(first))
    if room:
        assert first_free(Seats("P", room), places, day(since)) == first_under(places, room, day(since))
