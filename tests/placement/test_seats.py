"""Seats are claims over time: whatever is claimed and given back, no moment has more than there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.about import About
from services.placement.programs.census import Place
from services.placement.programs.seats import (
    Claim,
    Headcount,
    Seats,
    claims,
    first_free,
    free,
    given_back,
    held,
    kept,
    may_claim,
    released,
)
from shared.errors import Rejected

ABOUT = About("ep-1", "pt-1", "GOODHEALTH", ("PSY",))
PHP = Seats("GH-PHP1", 3, {"A": 2, "B": 12})
START = datetime(2026, 3, 10, tzinfo=UTC)


def day(number: int) -> datetime:
    """Midnight of a day; 0 is 10 March."""
    return START + timedelta(days=number)


def claim(seat: str, since: int, until: int | None = None, group: str | None = None) -> Claim:
    """A claim over days."""
    return Claim(seat, "GH-PHP1", day(since), None if until is None else day(until), group)


def places(standing: list[Claim]) -> list[Place]:
    """Each claim somebody else's."""
    return [one.place(f"of-{one.seat_id}") for one in standing]


@pytest.mark.parametrize(
    ("standing", "since", "until", "group", "left"),
    [
        ([], 0, None, None, 3),
        ([claim("a", 0)], 0, None, None, 2),
        ([claim("a", 0, 5)], 5, None, None, 3),
        ([claim("a", 5)], 0, 5, None, 3),
        ([claim("a", 5)], 0, 6, None, 2),
        ([claim("a", 0, 2), claim("b", 2, 4)], 0, 4, None, 2),
        ([claim("a", 0, 3), claim("b", 2, 4)], 0, 4, None, 1),
        ([claim("a", 0, group="A")], 0, None, "A", 1),
        ([claim("a", 0, group="A")], 0, None, "B", 2),
        ([claim("a", 0, group="B"), claim("b", 0), claim("c", 0)], 0, None, "A", 0),
        ([claim(seat, 0) for seat in "abcd"], 0, None, None, -1),
        ([claim("a", 0)], 3, 3, None, 3),
    ],
)
def test_a_seat_is_free_where_it_is_free_on_all_days_asked_for(
    standing: list[Claim], since: int, until: int | None, group: str | None, left: int
) -> None:
    assert free(PHP, places(standing), day(since), None if until is None else day(until), group) == left


@pytest.mark.parametrize(
    ("standing", "new", "code"),
    [
        ([], claim("n", 0), None),
        ([claim("n", 0)], claim("n", 3), "already-claimed"),
        ([], claim("n", 3, 3), "empty-claim"),
        ([], claim("n", 0, group="Z"), "unknown-group"),
        ([claim(seat, 0) for seat in "abc"], claim("n", 2, 4), "program-full"),
        ([claim(seat, 0, 2) for seat in "abc"], claim("n", 2, 4), None),
        ([claim(seat, 3) for seat in "abc"], claim("n", 0), "program-full"),
        ([claim(seat, 3) for seat in "abc"], claim("n", 0, 3), None),
        ([claim(seat, 0, group="A") for seat in "ab"], claim("n", 0, group="A"), "group-full"),
        ([claim(seat, 0, group="A") for seat in "ab"], claim("n", 0, group="B"), None),
    ],
)
def test_one_more_claim_is_taken_or_refused_with_why(standing: list[Claim], new: Claim, code: str | None) -> None:
    if code is None:
        assert kept(may_claim(PHP, places(standing), new, "me"))
        return
    with pytest.raises(Rejected) as refused:
        may_claim(PHP, places(standing), new, "me")
    assert refused.value.code == code


def test_a_group_holds_ten_at_most_whatever_its_config_says() -> None:
    wide = Seats("GH-PHP1", 50, {"B": 12})
    assert free(wide, places([claim(str(number), 0, group="B") for number in range(9)]), day(0), None, "B") == 1


@pytest.mark.parametrize(
    ("standing", "first"),
    [
        ([], 0),
        ([claim(seat, 0) for seat in "ab"], 0),
        ([claim("a", 0, 4), claim("b", 0, 2), claim("c", 0)], 2),
        ([claim("a", 0, 4), claim("b", 0), claim("c", 0), claim("d", 6)], None),
        ([claim(seat, 0) for seat in "abc"], None),
    ],
)
def test_the_first_seat_is_one_that_stays_free(standing: list[Claim], first: int | None) -> None:
    assert first_free(PHP, places(standing), day(0)) == (None if first is None else day(first))


def test_what_stands_is_what_was_held_and_not_given_back() -> None:
    one, other = claim("a", 0, group="A"), claim("b", 5, 9)
    told = Headcount(0, 3)
    stated = [held(ABOUT, one, day(-1), "placed", told), held(ABOUT, other, day(-1), "placed", told)]
    assert claims(stated) == (one, other)
    back = released(ABOUT, one, day(3), "completed", cause=("f-9",))
    assert back.derived_from == ("f-9",)
    assert set(claims([*stated, back])) == {claim("a", 0, 3, "A"), other}
    never = released(ABOUT, other, day(3), "discharge-cancelled")
    assert claims([*stated, never]) == (one,)
    assert claims([never]) == ()
    again = held(ABOUT, claim("b", 6), day(4), "discharge-returned", told)
    assert set(claims([*stated, never, again])) == {one, claim("b", 6)}


@pytest.mark.parametrize(
    ("one", "at", "left"),
    [
        (claim("a", 0), 3, claim("a", 0, 3)),
        (claim("a", 0, 5), 3, claim("a", 0, 3)),
        (claim("a", 0, 2), 3, claim("a", 0, 2)),
        (claim("a", 0), 0, None),
        (claim("a", 4), 1, None),
    ],
)
def test_a_seat_given_back_counts_up_to_then(one: Claim, at: int, left: Claim | None) -> None:
    assert given_back(one, day(at)) == left


ASKED = st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 8)), st.sampled_from((None, "A", "B")))
STEPS = st.lists(st.one_of(ASKED, st.tuples(st.integers(0, 20), st.integers(0, 14))), max_size=25)
HOUSE = Seats("GH-PHP1", 3, {"A": 2, "B": 1})


@given(STEPS)
def test_no_row_of_claims_and_releases_exceeds_capacity_at_any_moment(
    steps: list[tuple[int, int | None, str | None] | tuple[int, int]],
) -> None:
    """The oracle counts every claim on every day; a refusal is right only where a day would be over."""
    standing: list[Claim] = []
    for number, step in enumerate(steps):
        if len(step) == 2:
            which, at = step
            standing = _after_release(standing, which, at)
            continue
        since, length, group = step
        new = claim(f"n{number}", since, None if length is None else since + length + 1, group)
        try:
            may_claim(HOUSE, places(standing), new, "me")
        except Rejected:
            assert _over([*standing, new])
        else:
            standing.append(new)
        assert not _over(standing)


def _after_release(standing: list[Claim], which: int, at: int) -> list[Claim]:
    if which >= len(standing):
        return standing
    left = given_back(standing[which], day(at))
    return standing[:which] + ([left] if left else []) + standing[which + 1 :]


def _over(standing: list[Claim]) -> bool:
    for number in range(40):
        now = [one for one in standing if one.since <= day(number) and (one.until is None or day(number) < one.until)]
        if len(now) > 3 or sum(one.group == "A" for one in now) > 2 or sum(one.group == "B" for one in now) > 1:
            return True
    return False
