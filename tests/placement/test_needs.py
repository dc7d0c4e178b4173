"""A site's own needs: what a program answers, in words; a must never costs less than a wish; what nobody answers is a
gap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.placement.search.gaps import Asked, gaps
from services.placement.search.matching import Candidate, Reason, rank
from services.placement.search.needs import told_needs
from shared.events.levels import Level
from shared.events.placing import Needs
from shared.site.config import SAMPLE, load
from shared.site.needs import KNOWN, YES, Need
from shared.site.values import Program

SITE = load(SAMPLE)
TODAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
FREE: dict[str, date | None] = {program.id: TODAY for program in SITE.programs}
OWN = tuple(need for need in SITE.needs if need.key not in KNOWN and need.referral is None)


def ranked(level: str, needs: Needs, programs: tuple[Program, ...] = SITE.programs) -> tuple[Candidate, ...]:
    """The programs for these needs, the best first."""
    return rank(programs, Level(level), needs, FREE, TODAY, vocabulary=SITE.needs)


def said(program: str, **needs: str) -> Reason:
    """What this program says of one need; `__` parts several values."""
    ((key, told),) = needs.items()
    found = ranked(SITE.program(program).level, Needs(also={key: tuple(told.split())}))  # type: ignore[union-attr]
    (one,) = [candidate for candidate in found if candidate.program == program]
    return next(reason for reason in one.reasons if reason.rule == key)


@pytest.mark.parametrize(
    ("program", "needs", "must", "holds", "words"),
    [
        ("GH-PHP1", {"transport": "yes"}, False, True, "transport to the program"),
        ("GH-IOP1", {"transport": "yes"}, False, False, "transport to the program: says nothing of it"),
        ("GH-PHP1", {"mobility": "yes"}, True, True, "step-free access"),
        ("RB-PHP", {"mobility": "yes"}, True, False, "step-free access: says nothing of it"),
        ("RB-RES", {"gender_served": "women"}, True, True, "serves: women"),
        ("RB-RES", {"gender_served": "men"}, True, False, "serves: men is not there"),
        ("GH-RES", {"gender_served": "men"}, True, True, "serves: says nothing of it"),
        ("GH-PHP1", {"risk": "low"}, True, True, "risk: up to moderate"),
        ("GH-PHP1", {"risk": "moderate"}, True, True, "risk: up to moderate"),
        ("GH-PHP1", {"risk": "high"}, True, False, "risk: up to moderate"),
        ("GH-IOP1", {"modality": "CBT EMDR"}, False, True, "treatment: CBT, EMDR"),
        ("GH-PHP1", {"modality": "CBT EMDR"}, False, False, "treatment: EMDR is not there"),
        ("RB-IOP-TELE", {"area": "north east"}, False, True, "area: north, east"),
        ("GH-IOP-EVE", {"time_of_day": "evening"}, False, True, "meets at times that suit"),
        ("GH-IOP1", {"time_of_day": "evening"}, False, False, "also meets in the morning"),
        ("RB-IOP-TELE", {"time_of_day": "morning afternoon"}, False, True, "meets at times that suit"),
        ("RB-IOP-TELE", {"time_of_day": "evening"}, False, False, "also meets in the morning and afternoon"),
        ("GH-RES", {"time_of_day": "evening"}, False, False, "does not say when it meets"),
        ("GH-DETOX", {"withdrawal": "yes"}, True, True, "withdrawal management"),
    ],
)
def test_each_need_is_judged_for_each_program_in_words(
    program: str, needs: dict[str, str], must: bool, holds: bool, words: str
) -> None:
    found = said(program, **needs)
    assert (found.must, found.holds, found.words) == (must, holds, words)


def test_a_need_that_a_referral_answers_is_no_program_s_to_fail() -> None:
    with_it = ranked("php", Needs(also={"housing": YES}))
    assert [(one.program, one.reasons) for one in with_it] == [
        (one.program, one.reasons) for one in ranked("php", Needs())
    ]


def test_where_the_patient_was_before_is_preferred_and_said() -> None:
    found = rank(SITE.programs, Level.IOP, Needs(), FREE, TODAY, been_at=["RB-IOP-TELE"])
    assert found[0].program == "RB-IOP-TELE"
    assert ("continuity", True, "the patient was there before") in [
        (r.rule, r.holds, r.words) for r in found[0].reasons
    ]


def test_a_site_says_whether_a_need_of_every_site_is_a_must() -> None:
    soft = tuple(
        each.model_copy(update={"kind": "preference"}) if each.key == "language" else each for each in SITE.needs
    )
    needs = Needs(language="vi")
    found = rank(SITE.programs, Level.PHP, needs, FREE, TODAY, vocabulary=soft)
    (one,) = [each for each in found if each.program == "GH-PHP1"]
    assert "language" not in one.fails
    assert "language" in next(each for each in ranked("php", needs) if each.program == "GH-PHP1").fails


VALUES = {need.key: need.values or YES for need in OWN}
NEEDS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 9), max_size=5).map(
    lambda found: Needs(also={key: (VALUES[key][nth % len(VALUES[key])],) for key, nth in found.items()} or None)
)


@given(st.sampled_from(SITE.programs), NEEDS, st.sampled_from(sorted(VALUES)), st.booleans())
def test_at_one_level_who_keeps_a_must_never_stands_below_who_fails_it_and_is_else_alike(
    program: Program, needs: Needs, key: str, first: bool
) -> None:
    need = next(each for each in OWN if each.key == key)
    asked = structs.replace(needs, also={**(needs.also or {}), key: (VALUES[key][-1],)})
    keeps = program.model_copy(update={"id": "KEEPS", "answers": {**program.answers, key: (VALUES[key][-1],)}})
    fails = program.model_copy(
        update={"id": "FAILS", "answers": {k: v for k, v in program.answers.items() if k != key}}
    )
    seats: dict[str, date | None] = {"KEEPS": TODAY, "FAILS": TODAY}
    both = (keeps, fails) if first else (fails, keeps)
    must = tuple(each.model_copy(update={"kind": "must"}) if each.key == key else each for each in SITE.needs)
    found = rank(both, program.level, asked, seats, TODAY, vocabulary=must)
    if need.answered_by == "answers" and need.unsaid == "fails":
        assert [one.program for one in found] == ["KEEPS", "FAILS"]
    else:
        assert {one.program for one in found} == {"KEEPS", "FAILS"}


@given(NEEDS, st.sampled_from([each for each in OWN if each.kind == "preference"]), st.sampled_from(list(Level)))
def test_a_wish_more_that_a_program_answers_never_lowers_it(needs: Needs, wish: Need, level: Level) -> None:
    before = [one.program for one in ranked(level, needs)]
    asked = structs.replace(needs, also={**(needs.also or {}), wish.key: (VALUES[wish.key][0],)})
    after = ranked(level, asked)
    if wish.key in (needs.also or {}):
        return
    for place, one in enumerate(after):
        if any(reason.rule == wish.key and reason.holds for reason in one.reasons):
            assert place <= before.index(one.program)


@given(NEEDS, st.sampled_from(list(Level)))
def test_the_same_needs_give_the_same_order(needs: Needs, level: Level) -> None:
    assert ranked(level, needs) == ranked(level, needs)


@pytest.mark.parametrize(
    ("codes", "needs"),
    [
        ((), Needs()),
        (("transport",), Needs(also={"transport": YES})),
        (("language:es", "risk:low"), Needs(language="es", also={"risk": ("low",)})),
        (("days:mon", "days:wed"), Needs(days=("mon", "wed"))),
        (("days:someday", "age_years:old"), Needs()),
        (("start_by:2026-03-16", "age_years:34"), Needs(start_by=date(2026, 3, 16), age_years=34)),
        (("modality:CBT", "modality: EMDR"), Needs(also={"modality": ("CBT", "EMDR")})),
        (("payer:ACME", "payer:SELF"), Needs(payer="SELF")),
        ((":", "", " "), Needs()),
    ],
)
def test_what_a_referral_tells_is_read_as_needs(codes: tuple[str, ...], needs: Needs) -> None:
    assert told_needs(codes) == needs


def test_what_no_program_of_the_level_answers_is_a_gap_with_its_words() -> None:
    asked = [
        Asked("GOODHEALTH", "php", "mobility", [*YES], 3, NOW),
        Asked("GOODHEALTH", "outpatient", "child_care", [*YES], 2, NOW),
        Asked("RIVERBEND", "iop", "language", "ht", 1, NOW),
        Asked("RIVERBEND", "iop", "language", "vi", 1, NOW),
        Asked("GOODHEALTH", "php", "housing", [*YES], 4, NOW - timedelta(days=9)),
        Asked("GOODHEALTH", "php", "gone", [*YES], 1, NOW),
        Asked("GOODHEALTH", "php", "risk", ["high"], 1, NOW),
    ]
    found = [(gap.asked.need, gap.kind, gap.words, gap.answered_by) for gap in gaps(SITE, asked)]
    assert found == [
        ("child_care", "preference", "child care during hours", None),
        ("language", "must", "language", None),
        ("housing", "preference", "a place to live", "recovery-residence"),
        ("gone", "preference", "gone", None),
        ("risk", "must", "risk", None),
    ]


def test_the_gaps_of_one_search() -> None:
    needs = {"payer": "ACME", "language": "ht", "transport": [*YES], "veteran": [*YES]}
    found = gaps(SITE, (Asked("GOODHEALTH", "php", name, value, 1, NOW) for name, value in needs.items()))
    assert [gap.asked.need for gap in found] == ["language"]
