"""Ranking the site's programs for a patient by musts and preferences, each with a reason in words. Pure.

A program that fails a must comes after all that fail none. A need that is not stated is not judged. The order is that
of contract 3.7.4: musts failed, distance from the level looked for, at equal distance the less intensive first,
preferences met, the first free day, the site's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import NamedTuple

from shared.events.levels import RANK, WORDS, Level
from shared.events.placing import Needs
from shared.site.values import Program
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
    """One program and what is asked of it. `free_on`: its first day with a free seat; None: none is known."""

    program: Program
    level: Level
    needs: Needs
    free_on: date | None
    today: date


class FitReason(NamedTuple):
    """Whether a rule holds, and why, in words."""

    holds: bool
    words: str


Judge = Callable[[ProgramFit], FitReason | None]
"""A rule; it gives None where the patient does not need what it judges."""


def rank(
    programs: Iterable[Program], level: Level, needs: Needs, seats_free_by: Mapping[str, date | None], today: date
) -> tuple[Candidate, ...]:
    """All these programs, the best first, for a patient who needs this level.

    `seats_free_by`: program id → the first day, today or later, from which on a seat stays free; None or absent where
    none is known.
    """
    cases = [ProgramFit(one, level, needs, seats_free_by.get(one.id), today) for one in programs]
    found = [(_order(case, one), nth, one) for nth, case in enumerate(cases) for one in [_judged(case)]]
    return tuple(one for _, _, one in sorted(found, key=lambda each: each[:2]))


def _order(case: ProgramFit, one: Candidate) -> tuple[int, int, int, int, date]:
    steps = RANK[case.program.level] - RANK[case.level]
    return (len(one.fails), abs(steps), -steps, -one.preferences, one.free_on or date.max)


def _judged(case: ProgramFit) -> Candidate:
    reasons = [
        Reason(name, must, *said)
        for must, rules in ((True, MUSTS), (False, PREFERENCES))
        for name, judge in rules.items()
        if (said := judge(case)) is not None
    ]
    fits = all(reason.holds for reason in reasons if reason.must)
    met = sum(reason.holds for reason in reasons if not reason.must)
    return Candidate(case.program.id, fits, met, case.free_on, tuple(reasons))


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


MUSTS: dict[str, Judge] = {"level": _level, "payer": _payer, "age": _age, "seat": _seat, "language": _language}
PREFERENCES: dict[str, Judge] = {
    "track": _track,
    "schedule": _schedule,
    "mode": _mode,
    "accreditation": _accreditation,
    "wait": _wait,
}
