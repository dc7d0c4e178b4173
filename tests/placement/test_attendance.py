"""A program says that somebody started, came, did not come, finished: each as the table of moves allows, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.programs import attendance
from services.placement.programs.attendance import StayProvenance
from services.placement.programs.consequences import SeatNeeded, of_change
from services.placement.programs.seats import Claim
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.stays import Service
from shared.facts.envelope import Fact
from shared.facts.stating import said
from tests import builders as tell

NOW = tell.at("2026-03-20 12:00")
GROUP = [Service(kind="group", units=1, minutes=90)]


def day(number: int) -> date:
    """A day of March."""
    return date(2026, 3, number)


def of(folded: Folded, replaces: str | None = None) -> StayProvenance:
    """Said at noon of 20 March."""
    return StayProvenance(folded, tell.FACILITY, tell.ZONE, NOW, replaces)


def stated(value: CareFact, ce_id: str = "new") -> Fact:
    """The decision's fact as it would go out."""
    return said(value, ce_id=ce_id, writer="placement", sequence=900)


def refused(decide: Callable[[], object]) -> Rejected:
    """Why not."""
    with pytest.raises(Rejected) as why:
        decide()
    return why.value


PLACED = tell.placed("2026-03-08 12:00", placement="P1", level="php", program="GH-PHP1")
STARTED = tell.started("2026-03-10", placement="P1", level="php", program="GH-PHP1")


def test_a_start_opens_the_placements_own_stay() -> None:
    found = attendance.start(of(tell.folded(PLACED)), "P1", day(10), unit="PHP1")
    folded = tell.folded(PLACED, stated(found))
    (stay,) = folded.stays
    assert (stay.key, stay.level, stay.program, stay.begun) == (
        ("placement", "P1"), "php", "GH-PHP1", tell.in_utc("2026-03-10"),
    )  # fmt: skip
    assert folded.ineffective == {}


def test_a_start_that_the_hospital_told_first_is_the_same_stay() -> None:
    told = tell.admitted("2026-03-10 08:30", level="php", program="GH-PHP1")
    found = attendance.start(of(tell.folded(PLACED, told)), "P1", day(10))
    assert found.corroborates == told.id
    folded = tell.folded(PLACED, told, stated(found))
    assert [stay.key for stay in folded.stays] == [("visit", "V1")]
    assert folded.stays[0].placement_id == "P1"
    came = attendance.attended(of(folded), "P1", "s-1", day(11), GROUP)
    assert len(tell.folded(PLACED, told, stated(found), stated(came, "c")).stays[0].sessions) == 1


@pytest.mark.parametrize(
    ("facts", "placement", "on", "code", "may"),
    [
        ([], "P1", 10, "no-placement", ()),
        ([PLACED], "P2", 10, "no-placement", ("P1",)),
        ([PLACED], "P1", 21, "in-the-future", ("later",)),
        ([PLACED, STARTED], "P1", 12, "already-open",
         ("attended", "absent", "leave-started", "completed", "discontinued")),
        ([PLACED, STARTED, tell.completed("2026-03-12")], "P1", 13, "ended", ()),
        ([PLACED, tell.admitted("2026-03-08 10:00")], "P1", 10, "stay-open", ("later", "placement-cancelled")),
        ([PLACED, tell.admitted("2026-03-08 10:00"), tell.discharged("2026-03-12 09:00")], "P1", 10,
         "inside-24-hour-stay", ("later",)),
        ([PLACED, tell.admitted("2026-03-08 10:00"), tell.discharged("2026-03-10 09:00")], "P1", 10, None, ()),
    ],
)  # fmt: skip
def test_a_start_is_refused_with_what_is_possible(
    facts: list[Fact], placement: str, on: int, code: str | None, may: tuple[str, ...]
) -> None:
    saying = of(tell.folded(*facts))
    if code is None:
        assert attendance.start(saying, placement, day(on))
        return
    why = refused(lambda: attendance.start(saying, placement, day(on)))
    assert (why.code, why.possible) == (code, may)


AWAY = tell.leave_started("2026-03-12 09:00", placement="P1")


@pytest.mark.parametrize(
    ("more", "session", "on", "came", "missed"),
    [
        ([], "s-1", 10, None, None),
        ([], "s-1", 9, "not-open", "not-open"),
        ([], "s-1", 21, "in-the-future", "in-the-future"),
        ([tell.attended("2026-03-11", session="s-1")], "s-1", 11, "already-told", "already-told"),
        ([tell.attended("2026-03-11", session="s-1")], "s-2", 11, None, None),
        ([AWAY], "s-1", 13, "on-leave", None),
        ([AWAY], "s-1", 12, None, None),
        ([tell.completed("2026-03-12")], "s-1", 12, None, None),
        ([tell.completed("2026-03-12")], "s-1", 13, "ended", "ended"),
    ],
)
def test_a_session_is_judged_by_its_day(
    more: list[Fact], session: str, on: int, came: str | None, missed: str | None
) -> None:
    folded = tell.folded(PLACED, STARTED, *more)
    decisions: tuple[tuple[Callable[[], Any], str | None], ...] = (
        (lambda: attendance.attended(of(folded), "P1", session, day(on), GROUP), came),
        (lambda: attendance.absent(of(folded), "P1", session, day(on), "no-show"), missed),
    )
    for decide, code in decisions:
        if code is not None:
            assert refused(decide).code == code
            continue
        fact = stated(decide())
        assert tell.folded(PLACED, STARTED, *more, fact).ineffective == {}


@pytest.mark.parametrize("how", [attendance.completed, attendance.discontinued])
@pytest.mark.parametrize(
    ("more", "on", "code"),
    [
        ([], 15, None),
        ([AWAY], 15, None),
        ([], 9, "before-start"),
        ([], 21, "in-the-future"),
        ([tell.attended("2026-03-16")], 15, "session-later"),
        ([tell.absent("2026-03-16")], 15, "session-later"),
        ([tell.attended("2026-03-15")], 15, None),
        ([tell.completed("2026-03-12")], 15, "ended"),
    ],
)
def test_a_stay_ends_at_the_end_of_its_last_day(how: Callable[..., Any], more: list[Fact], on: int, code: str) -> None:
    folded = tell.folded(PLACED, STARTED, *more)
    if code is not None:
        assert refused(lambda: how(of(folded), "P1", day(on), "administrative")).code == code
        return
    fact = stated(how(of(folded), "P1", day(on), "administrative"))
    (stay,) = tell.folded(PLACED, STARTED, *more, fact).stays
    assert stay.ended is not None
    assert stay.ended.at == tell.in_utc("2026-03-16")


def test_a_stay_that_nobody_began_is_not_ended() -> None:
    why = refused(lambda: attendance.completed(of(tell.folded(PLACED)), "P1", day(12), "goals-met"))
    assert (why.code, why.possible) == ("not-open", ("started",))


def test_a_correction_takes_the_place_of_what_was_said() -> None:
    wrong = tell.attended("2026-03-11", session="s-1")
    without = tell.folded(PLACED, STARTED)
    right = stated(attendance.attended(of(without, replaces=wrong.id), "P1", "s-1", day(12), GROUP))
    (stay,) = tell.folded(PLACED, STARTED, wrong, right).stays
    assert [(one.session_id, one.day) for one in stay.sessions] == [("s-1", day(12))]


def test_what_was_said_is_taken_back_by_its_writer() -> None:
    came = tell.attended("2026-03-11")
    back = stated(attendance.cancelled(of(tell.folded(PLACED, STARTED, came)), came, "wrong-patient"))
    assert tell.folded(PLACED, STARTED, came, back).stays[0].sessions == ()


@pytest.mark.parametrize(
    ("more", "target", "code"),
    [
        ([tell.attended("2026-03-11")], STARTED, "has-attendance"),
        ([tell.absent("2026-03-11")], STARTED, None),
        ([], tell.admitted(), "not-its-writer"),
        ([], tell.cancelled(STARTED), "a-cancel-stays"),
    ],
)
def test_only_own_facts_that_nothing_rests_on_are_taken_back(more: list[Fact], target: Fact, code: str | None) -> None:
    folded = tell.folded(PLACED, STARTED, *more)
    if code is None:
        assert attendance.cancelled(of(folded), target, "told-by-mistake").cancels == target.id
    else:
        assert refused(lambda: attendance.cancelled(of(folded), target, "told-by-mistake")).code == code


COMMANDS = st.tuples(
    st.sampled_from(("start", "attended", "attended", "absent", "completed", "discontinued")),
    st.sampled_from(("P1", "P2")),
    st.integers(5, 22),
)


def tried(folded: Folded, command: str, placement: str, on: int, number: int) -> CareFact:
    """What the program wants to say."""
    saying, session = of(folded), f"s-{number % 7}"
    choices: dict[str, Callable[[], CareFact]] = {
        "start": lambda: attendance.start(saying, placement, day(on)),
        "attended": lambda: attendance.attended(saying, placement, session, day(on), GROUP),
        "absent": lambda: attendance.absent(saying, placement, session, day(on), "excused"),
        "completed": lambda: attendance.completed(saying, placement, day(on), "goals-met"),
        "discontinued": lambda: attendance.discontinued(saying, placement, day(on), "other"),
    }
    return choices[command]()


@given(st.booleans(), st.lists(COMMANDS, max_size=12))
def test_whatever_is_accepted_has_an_effect_and_goes_on_having_one(
    left: bool, commands: list[tuple[str, str, int]]
) -> None:
    told = [tell.admitted("2026-03-02 10:00"), PLACED, tell.placed(placement="P2", level="iop", program="GH-IOP1")]
    told += [tell.discharged("2026-03-09 14:00")] if left else []
    for number, (command, placement, on) in enumerate(commands):
        folded = fold(told, tell.zone_of)
        try:
            value = tried(folded, command, placement, on, number)
        except Rejected:
            continue
        told.append(said(value, ce_id=f"own-{number}", writer="placement", sequence=1000 + number))
        assert fold(told, tell.zone_of).ineffective == {}


# Contract 3.6 rule 10, and what it asks of the seats.

IN = tell.admitted("2026-03-02 10:00")
OUT = tell.discharged("2026-03-09 14:00")
SEAT = Claim("seat-1", "GH-PHP1", tell.at("2026-03-10"), None, "A", "P1")


def change(before: list[Fact], *more: Fact, claims: tuple[Claim, ...] = (SEAT,)) -> tuple[list[tuple[str, str]], Any]:
    """([(seat, reason)] given back, seats wanted) when these facts come too."""
    told = tell.folded(*before), tell.folded(*before, *more)
    found = of_change(*told, claims, NOW, tuple(fact.id for fact in more))
    assert all(fact.derived_from == tuple(one.id for one in more) for fact in found.released)
    return [(fact.seat_id or "", fact.reason or "") for fact in found.released], found.wanted


def test_a_discharge_cancelled_gives_the_seat_of_an_unattended_start_back() -> None:
    back = tell.cancelled(OUT)
    assert change([IN, OUT, PLACED, STARTED], back) == ([("seat-1", "discharge-cancelled")], ())


def test_a_discharge_that_returns_wants_the_seat_again() -> None:
    back, again = tell.cancelled(OUT), tell.discharged("2026-03-09 15:00")
    assert change([IN, OUT, PLACED, STARTED, back], again, claims=()) == ([], (SeatNeeded("P1", "GH-PHP1", NOW),))


def test_a_discharge_cancelled_after_attendance_leaves_the_seat_and_raises_a_conflict() -> None:
    came, back = tell.attended("2026-03-10"), tell.cancelled(OUT)
    assert change([IN, OUT, PLACED, STARTED, came], back) == ([], ())
    assert [one.kind for one in tell.folded(IN, OUT, PLACED, STARTED, came, back).conflicts] == [
        "attended-inside-24-hour-stay"
    ]


def test_attendance_told_after_all_wakes_the_start_and_wants_the_seat() -> None:
    before = [IN, OUT, PLACED, STARTED, tell.cancelled(OUT)]
    folded = tell.folded(*before)
    assert refused(lambda: attendance.attended(of(folded), "P1", "s-1", day(10), GROUP)).code == "not-open"
    own = [fact for fact in before if fact.writer == "placement"]
    came = stated(attendance.attended(of(folded), "P1", "s-1", day(10), GROUP, own=own))
    assert change(before, came, claims=()) == ([], (SeatNeeded("P1", "GH-PHP1", NOW),))


@pytest.mark.parametrize(
    ("more", "given"),
    [
        (tell.completed("2026-03-18"), [("seat-1", "completed")]),
        (tell.discontinued("2026-03-18"), [("seat-1", "discontinued")]),
        (tell.attended("2026-03-12"), []),
        (tell.placement_cancelled("2026-03-12 09:00"), []),
        (tell.admitted("2026-03-15 10:00", visit="V2"), []),
    ],
)
def test_a_seat_is_given_back_when_its_stay_ends_and_kept_while_it_is_suspended(
    more: Fact, given: list[tuple[str, str]]
) -> None:
    assert change([PLACED, STARTED], more)[0] == given


def test_a_placement_cancelled_before_its_start_gives_the_seat_back_at_once() -> None:
    assert change([PLACED], tell.placement_cancelled("2026-03-09 09:00"))[0] == [("seat-1", "placement-cancelled")]


def test_nothing_is_given_back_twice() -> None:
    ended = tell.completed("2026-03-18")
    left = Claim("seat-1", "GH-PHP1", tell.at("2026-03-10"), tell.at("2026-03-19"), "A", "P1")
    assert change([PLACED, STARTED], ended, claims=(left,)) == ([], ())
    moved = datetime.fromisoformat(ended.as_json["occurred_at"])
    assert moved == tell.at("2026-03-19")


LEFT = Claim("seat-1", "GH-PHP1", tell.at("2026-03-10"), tell.at("2026-03-13"), "A", "P1")
ENDED = tell.completed("2026-03-12")


@pytest.mark.parametrize(
    ("more", "claims", "expected"),
    [
        (tell.restated(ENDED, when="2026-03-16"), (LEFT,), (LEFT.until, tell.at("2026-03-17"), LEFT)),
        (tell.restated(ENDED, when="2026-03-11"), (LEFT,), None),
        (tell.cancelled(ENDED), (LEFT,), (LEFT.until, None, LEFT)),
        (tell.cancelled(ENDED), (), (NOW, None, None)),
        (tell.restated(ENDED, when="2026-03-16"), (), None),
        (tell.attended("2026-03-11"), (LEFT,), None),
    ],
)
def test_a_stay_that_goes_on_for_longer_wants_its_seat_for_longer(
    more: Fact, claims: tuple[Claim, ...], expected: tuple[Any, ...] | None
) -> None:
    back, wanted = change([PLACED, STARTED, ENDED], more, claims=claims)
    assert back == []
    assert [(one.since, one.until, one.extends) for one in wanted] == ([expected] if expected else [])
