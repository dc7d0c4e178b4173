"""The table of moves of contract 3.6, fact by fact and state by state, as the contract prints it."""

from __future__ import annotations

import pytest

from services.placement.continuum.fold import fold
from services.placement.continuum.states import COLUMNS, MOVES, ROWS, NoEffectReason, State, state_of
from shared.facts.envelope import Fact
from tests import builders as tell

# Contract 3.6, copied by hand: none, visit, open, on leave, ended.
TABLE = """
visit-started              | visit    | already-open | already-open | already-open | ended
admitted                   | open     | open         | already-open | already-open | ended
started                    | open     | already-open | already-open | already-open | ended
transferred, to a level    | not-open | open         | open         | on leave     | ended
transferred, to none (A07) | not-open | visit        | visit        | visit        | ended
leave-started              | not-open | no-level     | on leave     | on-leave     | ended
leave-ended                | not-open | no-level     | not-on-leave | open         | ended
visit-ended                | not-open | ended        | has-level    | has-level    | ended
discharged                 | not-open | no-level     | ended        | ended        | ended
completed                  | not-open | no-level     | ended        | ended        | ended
discontinued               | not-open | no-level     | ended        | ended        | ended
attended                   | not-open | no-level     | open         | on-leave     | ended
absent                     | not-open | no-level     | open         | on leave     | ended
"""
ROW_BY_ROW = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
CASES = [
    (row, state, cell, column == 5 or cell not in {state.value for state in State})
    for row, *cells in ROW_BY_ROW
    for column, (state, cell) in enumerate(zip(COLUMNS, cells, strict=True), start=1)
]


def ways_to(state: State, stay: tuple[str, str]) -> list[Fact]:
    """Facts that bring a stay into a state by 6 March."""
    own = {stay[0]: stay[1]}
    begun = (
        tell.started("2026-03-02 10:00", placement=stay[1])
        if stay[0] == "placement"
        else tell.admitted("2026-03-02 10:00", visit=stay[1], level="iop")
    )
    ended = (
        tell.completed("2026-03-05 10:00", placement=stay[1])
        if stay[0] == "placement"
        else tell.discharged("2026-03-05 10:00", visit=stay[1])
    )
    return {
        State.NONE: [],
        State.VISIT: [begun, tell.transferred("2026-03-03 10:00", to=None, **own)],
        State.OPEN: [begun],
        State.ON_LEAVE: [begun, tell.leave_started("2026-03-04 10:00", **own)],
        State.ENDED: [begun, ended],
    }[state]


def told(row: str, stay: tuple[str, str]) -> Fact:
    """The fact of a row, on 8 March."""
    own = {stay[0]: stay[1]}
    when = "2026-03-08 10:00"
    return {
        "visit-started": lambda: tell.visit_started(when, visit=stay[1]),
        "admitted": lambda: tell.admitted(when, visit=stay[1], level="iop"),
        "started": lambda: tell.started(when, placement=stay[1]),
        "transferred, to a level": lambda: tell.transferred(when, to="php", **own),
        "transferred, to none (A07)": lambda: tell.transferred(when, to=None, **own),
        "leave-started": lambda: tell.leave_started(when, **own),
        "leave-ended": lambda: tell.leave_ended(when, **own),
        "visit-ended": lambda: tell.visit_ended(when, visit=stay[1]),
        "discharged": lambda: tell.discharged(when, visit=stay[1]),
        "completed": lambda: tell.completed(when, placement=stay[1]),
        "discontinued": lambda: tell.discontinued(when, placement=stay[1]),
        "attended": lambda: tell.attended("2026-03-08", **own),
        "absent": lambda: tell.absent("2026-03-08", **own),
    }[row]()


def test_the_table_in_code_is_the_contracts() -> None:
    assert [row for row, *_ in ROW_BY_ROW] == list(ROWS)
    for row, state, cell, refused in CASES:
        assert MOVES[row, state] == cell
        assert isinstance(MOVES[row, state], NoEffectReason) == refused


PLACEMENTS_FACTS = {"started", "completed", "discontinued", "attended", "absent"}


@pytest.mark.parametrize(("row", "state", "cell", "refused"), CASES)
def test_a_fact_moves_its_stay_as_the_table_says_or_has_no_effect_with_the_tables_word(
    row: str, state: State, cell: str, refused: bool
) -> None:
    stay = ("placement", "P1") if row in PLACEMENTS_FACTS else ("visit", "V1")
    before = ways_to(state, stay)
    fact = told(row, stay)
    folded = tell.folded(*before, fact)
    assert folded.ineffective == ({fact.id: cell} if refused else {})
    after = state_of(folded.stays[0] if folded.stays else None)
    assert after == (state if refused else State(cell))
    if refused:
        assert folded.stays == fold(before, tell.zone_of).stays


@pytest.mark.parametrize(
    ("day", "word"),
    [
        ("2026-03-09", "not-open"),
        ("2026-03-10", None),
        ("2026-03-12", None),
        ("2026-03-13", "on-leave"),
        ("2026-03-14", None),
        ("2026-03-20", None),
        ("2026-03-21", "ended"),
    ],
)
def test_attendance_is_judged_by_its_day_whenever_it_is_told(day: str, word: str | None) -> None:
    session = tell.attended(day, when="2026-04-01 09:00")
    folded = tell.folded(
        tell.started("2026-03-10"),
        tell.leave_started("2026-03-12 18:00", placement="P1"),
        tell.leave_ended("2026-03-14 08:00", placement="P1"),
        tell.completed("2026-03-20"),
        session,
    )
    assert folded.ineffective.get(session.id) == word


def test_a_missed_session_on_leave_counts_as_missed() -> None:
    session = tell.absent("2026-03-13")
    folded = tell.folded(tell.started(), tell.leave_started("2026-03-12 18:00", placement="P1"), session)
    assert folded.ineffective == {}
    assert [one.attended for one in folded.stays[0].sessions] == [False]


def test_a_session_told_twice_counts_once() -> None:
    second = tell.attended("2026-03-11", session="s1")
    folded = tell.folded(tell.started(), tell.attended("2026-03-10", session="s1"), second)
    assert folded.ineffective == {second.id: "already-told"}
    assert len(folded.stays[0].sessions) == 1
