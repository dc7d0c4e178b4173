"""Programs are ranked by musts and preferences, each with its reason in words; the same input, the same order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.placement.search.matching import RULES, Candidate, rank
from shared.events.levels import RANK, Level
from shared.events.placing import Needs
from shared.site.config import SAMPLE, load

SITE = load(SAMPLE)
TODAY = date(2026, 3, 9)
FREE: dict[str, date | None] = {program.id: TODAY for program in SITE.programs}
ADULT = Needs(payer="ACME", age_years=34, language="en", start_by=date(2026, 3, 16))


def ranked(level: str = Level.PHP, needs: Needs = ADULT, /, **free: date | None) -> tuple[Candidate, ...]:
    """The sample site's programs; `free` by id with _ for -."""
    seats = FREE | {name.replace("_", "-"): on for name, on in free.items()}
    return rank(SITE.programs, Level(level), needs, seats, TODAY)


def why_not(program: str, found: tuple[Candidate, ...]) -> set[str]:
    """The musts that it fails."""
    (one,) = [candidate for candidate in found if candidate.program == program]
    return {reason.rule for reason in one.reasons if reason.must and not reason.holds}


def suiting(found: tuple[Candidate, ...]) -> list[str]:
    """The programs that meet every must, in order."""
    return [one.program for one in found if one.fits]


@pytest.mark.parametrize(
    ("needs", "free", "program", "failed"),
    [
        (ADULT, {}, "GH-PHP1", set()),
        (ADULT, {}, "GH-IOP1", {"level"}),
        (ADULT, {}, "RB-PHP", {"payer"}),
        (ADULT, {}, "GH-PHP-YOUTH", {"age"}),
        (structs.replace(ADULT, age_years=17), {}, "GH-PHP1", {"age"}),
        (structs.replace(ADULT, age_years=18), {}, "GH-PHP1", set()),
        (ADULT, {"GH_PHP1": date(2026, 3, 16)}, "GH-PHP1", set()),
        (ADULT, {"GH_PHP1": date(2026, 3, 17)}, "GH-PHP1", {"seat"}),
        (ADULT, {"GH_PHP1": None}, "GH-PHP1", {"seat"}),
        (structs.replace(ADULT, language="es"), {}, "GH-PHP1", set()),
        (structs.replace(ADULT, language="vi"), {}, "GH-PHP1", {"language"}),
        (structs.replace(ADULT, payer="acme"), {}, "GH-PHP1", set()),
        (Needs(), {"GH_PHP1": date(2027, 1, 1)}, "GH-PHP1", set()),
        (Needs(payer="MEDICARE", age_years=12, language="vi"), {"GH_IOP1": None}, "GH-IOP1",
         {"level", "age", "seat", "language"}),
    ],
)  # fmt: skip
def test_a_program_that_fails_a_must_says_which(
    needs: Needs, free: dict[str, date | None], program: str, failed: set[str]
) -> None:
    assert why_not(program, ranked("php", needs, **free)) == failed


@pytest.mark.parametrize(
    ("wishes", "first"),
    [
        ({}, "GH-IOP1"),
        ({"track": "anxiety"}, "GH-IOP1"),
        ({"track": "substance-use"}, "GH-IOP-EVE"),
        ({"mode": "telehealth", "track": "mood"}, "RB-IOP-TELE"),
        ({"accreditation": "Joint Commission"}, "GH-IOP1"),
        ({"days": ("mon", "wed", "fri")}, "GH-IOP1"),
        ({"days": ("tue", "thu", "sat", "sun")}, "RB-IOP-TELE"),
    ],
)
def test_the_program_that_meets_more_preferences_comes_first(wishes: dict[str, Any], first: str) -> None:
    assert suiting(ranked("iop", structs.replace(ADULT, **wishes)))[0] == first


def test_of_programs_that_suit_alike_the_one_with_the_earlier_seat_comes_first() -> None:
    later = TODAY + timedelta(days=2)
    assert suiting(ranked("iop", ADULT, GH_IOP_EVE=later)) == ["GH-IOP1", "RB-IOP-TELE", "GH-IOP-EVE"]
    much_later = TODAY + timedelta(days=5)
    assert suiting(ranked("iop", ADULT, GH_IOP_EVE=much_later, RB_IOP_TELE=later))[-1] == "GH-IOP-EVE"


@pytest.mark.parametrize(
    ("level", "levels"),
    [
        ("inpatient", ["inpatient", "residential", "php", "iop", "outpatient"]),
        ("residential", ["residential", "php", "inpatient", "iop", "outpatient"]),
        ("php", ["php", "iop", "residential", "outpatient", "inpatient"]),
        ("iop", ["iop", "outpatient", "php", "residential", "inpatient"]),
        ("outpatient", ["outpatient", "iop", "php", "residential", "inpatient"]),
    ],
)
def test_of_programs_that_fail_as_much_the_nearest_level_comes_first_and_never_a_step_up_before_one_down(
    level: str, levels: list[str]
) -> None:
    found = [LEVEL_OF[one.program] for one in ranked(level, Needs()) if len(one.fails) <= 1]
    assert list(dict.fromkeys(found)) == levels


LEVEL_OF = {program.id: program.level.value for program in SITE.programs}


def test_who_fails_fewer_musts_comes_before_who_is_nearer() -> None:
    found = [(one.program, one.fails) for one in ranked("php", ADULT)]
    assert found[0] == ("GH-PHP1", ())
    order = [len(fails) for _, fails in found]
    assert order == sorted(order)
    assert next(LEVEL_OF[program] for program, fails in found if fails == ("level",)) == "iop"


def test_alike_in_all_else_the_site_s_order_decides() -> None:
    again = rank(reversed(SITE.programs), Level.PHP, Needs(), FREE, TODAY)
    assert [one.program for one in again[:2]] == ["RB-PHP", "GH-PHP-YOUTH"]
    assert [one.program for one in ranked("php", Needs())[:2]] == ["GH-PHP1", "GH-PHP-YOUTH"]


def test_reasons_are_words_for_and_against() -> None:
    wished = structs.replace(ADULT, track="psychosis", days=("mon", "tue", "wed", "thu"))
    (one,) = [candidate for candidate in ranked("php", wished, GH_PHP1=date(2026, 3, 13)) if candidate.fits]
    assert [(reason.rule, reason.holds, reason.words) for reason in one.reasons] == [
        ("level", True, "offers Partial hospitalization (PHP)"),
        ("payer", True, "takes ACME"),
        ("age", True, "takes that age: 18 and older"),
        ("seat", True, "has a seat from 2026-03-13"),
        ("language", True, "speaks en"),
        ("track", False, "does not have the track psychosis"),
        ("schedule", False, "also meets on fri"),
        ("wait", False, "4 days of waiting"),
    ]
    assert one.preferences == 0


def test_what_nobody_asked_for_judges_nothing() -> None:
    for one in ranked("php", Needs()):
        assert {reason.rule for reason in one.reasons} == {"level", "seat", "wait"}


NEEDS = st.builds(
    Needs,
    payer=st.sampled_from([None, "ACME", "MEDICARE", "NOBODY"]),
    age_years=st.sampled_from([None, 8, 15, 34, 70]),
    language=st.sampled_from([None, "en", "vi"]),
    track=st.sampled_from([None, "mood"]),
    start_by=st.sampled_from([None, TODAY + timedelta(days=4)]),
)
SEATS = st.dictionaries(
    st.sampled_from(sorted(FREE)),
    st.one_of(st.none(), st.integers(0, 9).map(lambda days: TODAY + timedelta(days=days))),
)


@given(st.sampled_from(list(Level)), NEEDS, SEATS, st.randoms(use_true_random=False))
def test_the_order_is_the_same_but_for_those_alike_and_those_that_fail_come_last(
    level: Level, needs: Needs, seats: dict[str, date | None], random: Any
) -> None:
    shuffled = list(SITE.programs)
    random.shuffle(shuffled)
    found = rank(SITE.programs, level, needs, seats, TODAY)
    again = rank(shuffled, level, needs, seats, TODAY)
    assert {one.program: one for one in again} == {one.program: one for one in found}
    assert [_place(one, level) for one in again] == [_place(one, level) for one in found]
    assert sorted(one.program for one in found) == sorted(FREE)
    fits = [one.fits for one in found]
    assert fits == sorted(fits, reverse=True)
    for one in found:
        assert one.fits == (not any(reason.must and not reason.holds for reason in one.reasons))
        assert {reason.rule for reason in one.reasons} <= {*RULES}
        assert all(reason.words for reason in one.reasons)


def _place(one: Candidate, level: Level) -> tuple[Any, ...]:
    """What the order goes by, but for the site's."""
    steps = RANK[Level(LEVEL_OF[one.program])] - RANK[level]
    return len(one.fails), abs(steps), -steps, -one.preferences, one.free_on or date.max
