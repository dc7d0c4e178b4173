"""Which programs suit a patient: musts and preferences as small named rules, each with its reason in words. Pure.

A must that fails puts the program after all that suit, with why; what nobody asked for judges nothing. The order
(contract 3.7.4): musts failed, distance of level, the less intensive of two alike, preferences met, the first free day,
the site's order.
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
"""Days of waiting that count as none for the preference."""


@value_object
class Reason:
    """What one rule says of a program, for it or against it."""

    rule: str
    must: bool
    holds: bool
    words: str


@value_object
class Candidate:
    """One program: whether it meets every must, how many preferences, its first free day, and all reasons."""

    program: str
    fits: bool
    preferences: int
    free_on: date | None
    reasons: tuple[Reason, ...]

    @property
    def fails(self) -> tuple[str, ...]:
        """The musts that it does not meet."""
        return tuple(reason.rule for reason in self.reasons if reason.must and not reason.holds)


class ProgramFit(NamedTuple):
    """One program beside what is asked of it; `free_on` is the first day with a seat, None: none is known of."""

    program: Program
    level: Level
    needs: Needs
    free_on: date | None
    today: date


class FitReason(NamedTuple):
    """A rule's judgement in words; no judgement at all (None) where nothing was asked."""

    holds: bool
    words: str


Judge = Callable[[ProgramFit], FitReason | None]


def rank(
    programs: Iterable[Program], level: Level, needs: Needs, seats_free_by: Mapping[str, date | None], today: date
) -> tuple[Candidate, ...]:
    """Every program, best first, for a patient who needs this level.

    `seats_free_by`: program id → first day, today or later, from which on a seat stays free; None or absent: none.
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
    """A program of which no schedule is known is not preferred for it."""
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
    """Names of site config are compared without regard to case and spaces."""
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
