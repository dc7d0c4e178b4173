"""Ranking the site's programs for a patient by musts and preferences, each with a reason in words. Pure.

A program that fails a must comes after all that fail none. A need that is not stated is not judged. The order is that
of contract 3.7.4: musts failed, distance from the level looked for, at equal distance the less intensive first,
preferences met, the first free day, the site's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time
from typing import NamedTuple

from shared.events.levels import RANK, WORDS, Level
from shared.events.placing import Needs
from shared.site.needs import DAY_PARTS, Kind, Need, kind_of
from shared.site.values import Hours, Program
from shared.values import value_object

SOON = 3
"""Up to so many days of waiting meet the preference `wait`."""


@value_object
class Reason:
    """What one rule says of a program. `must`: else it is a preference; `holds`: the program meets it."""

    rule: str
    must: bool
    holds: bool
    words: str


@value_object
class Candidate:
    """One program for a patient. `fits`: it meets every must; `preferences`: how many it meets; `free_on`: its first
    day with a free seat, None where none is known."""

    program: str
    fits: bool
    preferences: int
    free_on: date | None
    reasons: tuple[Reason, ...]

    @property
    def fails(self) -> tuple[str, ...]:
        """Names of the musts that the program does not meet."""
        return tuple(reason.rule for reason in self.reasons if reason.must and not reason.holds)


class ProgramFit(NamedTuple):
    """One program and what is asked of it. `free_on`: its first day with a free seat; None: none is known.
    `been_there`: the patient was there before."""

    program: Program
    level: Level
    needs: Needs
    free_on: date | None
    today: date
    been_there: bool = False


class FitReason(NamedTuple):
    """Whether a rule holds, and why, in words."""

    holds: bool
    words: str


Judge = Callable[[ProgramFit], FitReason | None]
"""A rule; it gives None where the patient does not need what it judges."""


def rank(
    programs: Iterable[Program],
    level: Level,
    needs: Needs,
    seats_free_by: Mapping[str, date | None],
    today: date,
    *,
    vocabulary: tuple[Need, ...] = (),
    been_at: Iterable[str] = (),
) -> tuple[Candidate, ...]:
    """All these programs, the best first, for a patient who needs this level.

    `seats_free_by`: program id → the first day, today or later, from which on a seat stays free; None or absent where
    none is known. `vocabulary`: the site's needs; `been_at`: programs that the patient was at before.
    """
    before = frozenset(been_at)
    cases = [ProgramFit(one, level, needs, seats_free_by.get(one.id), today, one.id in before) for one in programs]
    found = [(_order(case, one), nth, one) for nth, case in enumerate(cases) for one in [_judged(case, vocabulary)]]
    return tuple(one for _, _, one in sorted(found, key=lambda each: each[:2]))


def _order(case: ProgramFit, one: Candidate) -> tuple[int, int, int, int, date]:
    steps = RANK[case.program.level] - RANK[case.level]
    return (len(one.fails), abs(steps), -steps, -one.preferences, one.free_on or date.max)


def _judged(case: ProgramFit, vocabulary: tuple[Need, ...]) -> Candidate:
    told = [*_by_own_fields(case, vocabulary), *_by_the_site(case, vocabulary)]
    reasons = sorted(told, key=lambda each: not each.must)
    fits = all(reason.holds for reason in reasons if reason.must)
    met = sum(reason.holds for reason in reasons if not reason.must)
    return Candidate(case.program.id, fits, met, case.free_on, tuple(reasons))


def _by_own_fields(case: ProgramFit, vocabulary: tuple[Need, ...]) -> Iterator[Reason]:
    """What the program's own fields say."""
    for name, (judge, key) in RULES.items():
        if (said := judge(case)) is not None:
            kind = kind_of(vocabulary, key) if key in Needs.__struct_fields__ else key
            yield Reason(name, kind == "must", *said)


def _by_the_site(case: ProgramFit, vocabulary: tuple[Need, ...]) -> Iterator[Reason]:
    """What the program says of the site's own needs; one that a referral answers is no program's to fail."""
    asked = case.needs.also or {}
    for need in vocabulary:
        if need.key in asked and need.referral is None:
            yield Reason(need.key, need.kind == "must", *_answered(need, asked[need.key], case.program))


def _answered(need: Need, wanted: tuple[str, ...], program: Program) -> FitReason:
    """Whether the program answers the need with these values."""
    if need.answered_by == "hours":
        return _meets_at(need, wanted, program)
    said = tuple(each for each in _said_by(need, program) if not need.values or each in need.values)
    if not said:
        return FitReason(need.unsaid == "meets", f"{need.words}: says nothing of it")
    if not need.values:
        return FitReason(True, need.words)
    if need.judged == "up-to":
        most = max(need.values.index(each) for each in said)
        holds = all(need.values.index(each) <= most for each in wanted if each in need.values)
        return FitReason(holds, f"{need.words}: up to {need.values[most]}")
    missing = [each for each in wanted if _norm(each) not in {_norm(one) for one in said}]
    holds = not missing if need.judged == "all" else len(missing) < len(wanted)
    return FitReason(
        holds, f"{need.words}: {', '.join(wanted if holds else missing)}" + ("" if holds else " is not there")
    )


def _said_by(need: Need, program: Program) -> tuple[str, ...]:
    if need.answered_by == "modalities":
        return program.modalities
    return program.answers.get(need.key, ())


def _meets_at(need: Need, wanted: tuple[str, ...], program: Program) -> FitReason:
    """Whether the program meets at the wanted times of day alone."""
    parts = {part for hours in program.schedule for part in parts_of_day(hours)}
    if not parts:
        return FitReason(need.unsaid == "meets", "does not say when it meets")
    outside = [part for part in DAY_PARTS if part in parts - {*wanted}]
    return FitReason(
        not outside, f"also meets in the {' and '.join(outside)}" if outside else "meets at times that suit"
    )


NOON, FIVE = time(12), time(17)


def parts_of_day(hours: Hours) -> tuple[str, ...]:
    """The times of day that these hours touch: morning, afternoon, evening."""
    touched = (hours.opens < NOON, hours.opens < FIVE and hours.closes > NOON, hours.closes > FIVE)
    return tuple(part for part, is_touched in zip(DAY_PARTS, touched, strict=True) if is_touched)


def judged_by_needs(program: Program, needs: Needs, vocabulary: tuple[Need, ...]) -> tuple[Reason, ...]:
    """What the program says of these needs alone, whatever its level and seats."""
    case = ProgramFit(program, program.level, needs, None, date.min)
    own = (reason for reason in _by_own_fields(case, vocabulary) if RULES[reason.rule][1] in Needs.__struct_fields__)
    return (*own, *_by_the_site(case, vocabulary))


def _level(case: ProgramFit) -> FitReason:
    holds = case.program.level == case.level
    offers = WORDS[case.program.level]
    return FitReason(holds, f"offers {offers}" if holds else f"offers {offers}, not {WORDS[case.level]}")


def _payer(case: ProgramFit) -> FitReason | None:
    return _one_of(case.needs.payer, case.program.payers, "takes", "does not take")


def _age(case: ProgramFit) -> FitReason | None:
    if case.needs.age_years is None:
        return None
    holds = case.program.ages.hold(case.needs.age_years)
    return FitReason(holds, f"{'takes' if holds else 'does not take'} that age: {case.program.ages.words}")


def _seat(case: ProgramFit) -> FitReason:
    if case.free_on is None:
        return FitReason(False, "has no seat that is known to come free")
    by = case.needs.start_by
    holds = by is None or case.free_on <= by
    return FitReason(holds, f"has a seat from {case.free_on}" + ("" if holds else f", later than {by}"))


def _language(case: ProgramFit) -> FitReason | None:
    return _one_of(case.needs.language, case.program.languages, "speaks", "does not speak")


def _track(case: ProgramFit) -> FitReason | None:
    return _one_of(case.needs.track, case.program.tracks, "has the track", "does not have the track")


def _schedule(case: ProgramFit) -> FitReason | None:
    """Whether the program meets only on days that suit; a program without a known schedule does not meet the
    preference."""
    if not case.needs.days:
        return None
    meets = {day for hours in case.program.schedule for day in hours.days}
    outside = [day for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun") if day in meets - {*case.needs.days}]
    if not meets:
        return FitReason(False, "does not say when it meets")
    return FitReason(not outside, f"also meets on {', '.join(outside)}" if outside else "meets on days that suit")


def _mode(case: ProgramFit) -> FitReason | None:
    return _one_of(case.needs.mode, case.program.modes, "gives care by", "does not give care by")


def _accreditation(case: ProgramFit) -> FitReason | None:
    return _one_of(case.needs.accreditation, case.program.accreditation, "is accredited by", "is not accredited by")


def _wait(case: ProgramFit) -> FitReason | None:
    if case.free_on is None:
        return None
    days = max((case.free_on - case.today).days, 0)
    return FitReason(days <= SOON, "no wait" if days == 0 else f"{days} day{'s' if days > 1 else ''} of waiting")


def _one_of(wanted: str | None, offered: Iterable[str], yes: str, no: str) -> FitReason | None:
    """Whether `wanted` is among `offered`, compared without regard to case and spaces; None where nothing is wanted."""
    if wanted is None:
        return None
    holds = _norm(wanted) in {_norm(one) for one in offered}
    return FitReason(holds, f"{yes if holds else no} {wanted}")


def _norm(text: str) -> str:
    return " ".join(text.split()).casefold()


def _continuity(case: ProgramFit) -> FitReason | None:
    return FitReason(True, "the patient was there before") if case.been_there else None


RULES: dict[str, tuple[Judge, Kind | str]] = {
    "level": (_level, "must"),
    "payer": (_payer, "payer"),
    "age": (_age, "age_years"),
    "seat": (_seat, "must"),
    "language": (_language, "language"),
    "track": (_track, "track"),
    "schedule": (_schedule, "days"),
    "mode": (_mode, "mode"),
    "accreditation": (_accreditation, "accreditation"),
    "continuity": (_continuity, "preference"),
    "wait": (_wait, "preference"),
}
"""Rule → how it judges, and whether it is a must or a preference, or the need whose row says so. The name is what
the API says."""
