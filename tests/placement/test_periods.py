"""Which days are in a service period, and where one ends and another begins (contract 4, Days and Identity)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.placement.continuum.model import Span
from tests.placement.period_builders import (
    ZONES,
    at,
    attended,
    covered,
    derived,
    episode,
    spans,
    stay,
)

WEST = ZONES["WESTSIDE"]


@pytest.mark.parametrize(
    ("why", "moves", "end", "expected"),
    [
        ("open stay has no end", [("03-02 14:00", "inpatient")], None, [("inpatient", "03-02", None)]),
        (
            "the leaving day of a 24-hour stay isn't counted",
            [("03-02 14:00", "inpatient")],
            "03-05 11:00",
            [("inpatient", "03-02", "03-05")],
        ),
        (
            "unless it began that day",
            [("03-02 08:00", "inpatient")],
            "03-02 20:00",
            [("inpatient", "03-02", "03-03")],
        ),
        (
            "residential is a 24-hour level too",
            [("03-02 14:00", "residential")],
            "03-05 11:00",
            [("residential", "03-02", "03-05")],
        ),
        ("a program's last day is counted", [("03-02", "php")], "03-05 15:00", [("php", "03-02", "03-06")]),
        ("an end at 00:00 is 24:00 before: program", [("03-02", "iop")], "03-06", [("iop", "03-02", "03-06")]),
        (
            "an end at 00:00 is 24:00 before: 24-hour",
            [("03-02 14:00", "inpatient")],
            "03-06",
            [("inpatient", "03-02", "03-05")],
        ),
        (
            "one day from 00:00 to 24:00",
            [("03-02", "inpatient")],
            "03-03",
            [("inpatient", "03-02", "03-03")],
        ),
        ("no time at all is still its day", [("03-02", "inpatient")], "03-02", [("inpatient", "03-02", "03-03")]),
        (
            "a transfer's day belongs to the level last in force",
            [("03-02 14:00", "inpatient"), ("03-05 23:59", "residential")],
            "03-09 10:00",
            [("inpatient", "03-02", "03-05"), ("residential", "03-05", "03-09")],
        ),
        (
            "a transfer at 00:00 takes that day only",
            [("03-02 14:00", "inpatient"), ("03-05", "residential")],
            None,
            [("inpatient", "03-02", "03-05"), ("residential", "03-05", None)],
        ),
        (
            "a same-day transfer leaves the first level no day",
            [("03-02 08:00", "inpatient"), ("03-02 18:00", "residential")],
            None,
            [("residential", "03-02", None)],
        ),
        (
            "a few hours elsewhere on one day don't split",
            [("03-02", "php"), ("03-05 09:00", "inpatient"), ("03-05 18:00", "php")],
            None,
            [("php", "03-02", None)],
        ),
        (
            "moved to a 24-hour level and left the same day: that day is the leaving day",
            [("03-02", "php"), ("03-05 09:00", "inpatient")],
            "03-05 18:00",
            [("php", "03-02", "03-05")],
        ),
        (
            "moved to a program and left the same day",
            [("03-02 12:00", "inpatient"), ("03-05 09:00", "php")],
            "03-05 18:00",
            [("inpatient", "03-02", "03-05"), ("php", "03-05", "03-06")],
        ),
        ("a visit without level has none", [("03-02 12:00", None)], "03-03 12:00", []),
        (
            "a visit that gains a level begins then",
            [("03-01 23:00", None), ("03-02 01:00", "inpatient")],
            "03-02 20:00",
            [("inpatient", "03-02", "03-03")],
        ),
        (
            "a level lost (A07) is an end of the level",
            [("03-02", "php"), ("03-05 12:00", None)],
            "03-09 12:00",
            [("php", "03-02", "03-06")],
        ),
        (
            "a level lost and gained again",
            [("03-02 09:00", "inpatient"), ("03-05 12:00", None), ("03-07 12:00", "php")],
            None,
            [("inpatient", "03-02", "03-05"), ("php", "03-07", None)],
        ),
        (
            "over the spring clock change",
            [("03-07 23:30", "inpatient")],
            "03-09 00:30",
            [("inpatient", "03-07", "03-09")],
        ),
        (
            "over the autumn clock change",
            [("10-31 23:30", "inpatient")],
            "11-02",
            [("inpatient", "10-31", "11-01")],
        ),
    ],
)
def test_the_days_of_one_stay(
    why: str, moves: list[tuple[str, str | None]], end: str | None, expected: list[tuple[str, str, str | None]]
) -> None:
    assert spans(derived(episode(stay("s", *moves, end=end)))) == expected, why


def test_days_are_those_of_the_facility_that_gave_the_care() -> None:
    late = "03-02 22:00"  # 01:00 of the next day in New York
    east = stay("e", ("03-03 01:00", "inpatient"))
    west = stay("w", (late, "inpatient"), zone=WEST)
    found = {one.key.stay: one.start.isoformat() for one in derived(episode(east, west))}
    assert east.begun == west.begun
    assert found == {"e": "2026-03-03", "w": "2026-03-02"}


@pytest.mark.parametrize(
    ("why", "inpatient", "program_end", "sessions", "expected"),
    [
        (
            "ends before the day and opens on the day of resuming",
            ("03-05 10:00", "03-09 11:00"),
            None,
            [],
            [("03-02", "03-05"), ("03-09", None)],
        ),
        (
            "an attended day of suspension is in the period before it",
            ("03-05 15:00", "03-09 11:00"),
            None,
            ["03-05"],
            [("03-02", "03-06"), ("03-09", None)],
        ),
        (
            "an attended day inside has a period of its own",
            ("03-05 15:00", "03-10 11:00"),
            None,
            ["03-07"],
            [("03-02", "03-05"), ("03-07", "03-08"), ("03-10", None)],
        ),
        (
            "resuming opens another even right after an attended day",
            ("03-05 15:00", "03-08 11:00"),
            None,
            ["03-06", "03-07"],
            [("03-02", "03-05"), ("03-06", "03-08"), ("03-08", None)],
        ),
        ("in and out on one day suspends no day", ("03-05 08:00", "03-05 20:00"), None, [], [("03-02", None)]),
        (
            "left at 24:00: the program has that day",
            ("03-05 10:00", "03-09"),
            None,
            [],
            [("03-02", "03-05"), ("03-08", None)],
        ),
        ("never resumed", ("03-05 10:00", None), None, [], [("03-02", "03-05")]),
        ("ended while suspended", ("03-05 10:00", "03-12 11:00"), "03-07 12:00", [], [("03-02", "03-05")]),
        (
            "ended while suspended on a day attended",
            ("03-05 10:00", "03-12 11:00"),
            "03-07 12:00",
            ["03-07"],
            [("03-02", "03-05"), ("03-07", "03-08")],
        ),
        ("begun under it, on its leaving day", ("03-01 10:00", "03-02 11:00"), None, [], [("03-02", None)]),
        ("begun inside it", ("03-01 10:00", "03-04 11:00"), None, [], [("03-04", None)]),
    ],
)
def test_a_program_is_suspended_under_a_24_hour_stay(
    why: str,
    inpatient: tuple[str, str | None],
    program_end: str | None,
    sessions: list[str],
    expected: list[tuple[str, str | None]],
) -> None:
    program = stay("p", ("03-02", "iop"), end=program_end, sessions=[attended(one) for one in sessions])
    hospital = stay("h", (inpatient[0], "inpatient"), end=inpatient[1])
    found = [one for one in derived(episode(program, hospital)) if one.level == "iop"]
    assert [(start, end) for _, start, end in spans(found)] == expected, why


@pytest.mark.parametrize(
    ("move", "starts"),
    [("03-09 11:00", "03-09"), ("03-09", "03-09")],
)
def test_a_program_resumes_on_the_day_the_24_hour_stay_moves_to_another_level(move: str, starts: str) -> None:
    program = stay("p", ("03-02", "iop"))
    hospital = stay("h", ("03-05 10:00", "inpatient"), (move, "php"))
    found = [one for one in derived(episode(program, hospital)) if one.level == "iop"]
    assert spans(found)[1] == ("iop", starts, None)
    assert found[1].key.root == "h-1"


def test_each_stretch_is_named_by_the_fact_that_began_it() -> None:
    program = stay("p", ("03-02", "iop"), ("03-20 09:00", "outpatient"), sessions=[attended("03-07", name="x")])
    hospital = stay("h", ("03-05 10:00", "inpatient"), end="03-10 11:00")
    found = derived(episode(program, hospital, coverage=[covered("03-01", "ACME"), covered("03-15", "MEDICAID")]))
    assert [(one.start.day, one.key.root) for one in found if one.key.stay == "p"] == [
        (2, "p-0"),
        (7, "fact-x"),
        (10, "h-end"),
        (15, "cover-03-15"),
        (20, "p-1"),
    ]


def test_a_restated_fact_keeps_the_name_of_its_stretch() -> None:
    told = stay("s", ("03-02 14:00", "inpatient"))
    restated = replace(told, segments=(replace(told.segments[0], since=at("03-01 09:00"), fact="again"),))
    assert derived(episode(told))[0].key == derived(episode(restated))[0].key


def test_a_suspension_that_no_fact_ends_is_refused() -> None:
    folded = episode(stay("p", ("03-02", "iop")))
    broken = replace(folded.stays[0], suspended=(Span(at("03-05 10:00"), at("03-09 10:00")),))
    with pytest.raises(ValueError, match="no fact ends it"):
        derived(replace(folded, stays=(broken,)))


def test_another_unit_of_the_same_level_and_program_splits_nothing() -> None:
    told = stay("s", ("03-02 14:00", "inpatient"), ("03-04 09:00", "inpatient"))
    moved = replace(told, segments=(told.segments[0], replace(told.segments[1], unit="4W")))
    assert spans(derived(episode(moved))) == [("inpatient", "03-02", None)]


def test_another_program_of_the_same_level_splits() -> None:
    told = stay("s", ("03-02", "iop"), ("03-04 09:00", "iop"))
    moved = replace(told, segments=(told.segments[0], replace(told.segments[1], program="evening")))
    assert spans(derived(episode(moved))) == [("iop", "03-02", "03-04"), ("iop", "03-04", None)]
