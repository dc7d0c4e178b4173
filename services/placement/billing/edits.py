"""Warnings that follow from the periods of one episode alone (contract 4); they change no days.

Warnings about authorizations are in authorizations.py. telehealth-not-covered and certification-late are not given,
since they need rules of payers. Periods of other episodes are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from services.placement.billing.days import FOREVER, ONE_DAY
from services.placement.billing.model import Period
from shared.events.levels import ACUTE, ROUND_THE_CLOCK, Level

WEEK = timedelta(days=7)
MINUTES_A_WEEK = {level.value: level.traits.hours_a_week * 60 for level in Level if level.traits.hours_a_week}
"""Level → the least minutes that must be attended in a week."""
NOT_WITHIN_WEEK_OF = {level.value: level.traits.not_within_week_of for level in Level}
"""Level → the level from which it must be a week apart; None: from none."""
INTERRUPTION = timedelta(days=2)
"""A stay that begins up to so long after the leaving day of another interrupts it."""


def warnings(found: Sequence[Period]) -> list[set[str]]:
    """The warnings of each period, in the order given; `found`: all periods of one episode, by their first day."""
    said: list[set[str]] = [set() for _ in found]
    for words, period in zip(said, found, strict=True):
        if period.recorded and _short_week(period):
            words.add("hours-under-minimum")
    if len(found) == 1:
        return said
    for first, second in _sharing_days(found):
        said[first].add("overlap")
        said[second].add("overlap")
        for one, other in ((first, second), (second, first)):
            if found[one].level in ACUTE and found[other].level not in ROUND_THE_CLOCK:
                said[other].add("inpatient-overlap")
    for words, period in zip(said, found, strict=True):
        if _other_days_close_before(period, found):
            words.add("seven-day-rule")
    for first, second in _interrupted(found):
        said[first].add("interrupted-stay")
        said[second].add("interrupted-stay")
    return said


def _sharing_days(found: Sequence[Period]) -> Iterable[tuple[int, int]]:
    """Positions of each two periods that share a day, which is flagged in both (contract 4, Payer)."""
    for second, later in enumerate(found):
        for first in range(second):
            if later.start < (found[first].end or FOREVER):
                yield first, second


def _other_days_close_before(period: Period, found: Sequence[Period]) -> bool:
    """True when a claim for this period (IOP) would be refused: it shares a day with a period of the level that it must
    be apart from (PHP) of the same provider, or that level was given in the 7 days before its first day (NAHRI on CMS's
    condition code 92 requirements)."""
    level = NOT_WITHIN_WEEK_OF[period.level]
    return level is not None and any(
        other.level == level
        and _provider(other) == _provider(period)
        and (_share(other, period) or _served_within_week(other, period.start))
        for other in found
    )


def _provider(one: Period) -> str:
    return one.content.program.npi or one.facility


def _share(one: Period, other: Period) -> bool:
    return one.start < (other.end or FOREVER) and other.start < (one.end or FOREVER)


def _served_within_week(one: Period, day: date) -> bool:
    """True when the period has a service in the 7 days before `day`: an attended day; where no session is recorded at
    all, any day of the period."""
    if one.recorded:
        return any(day - WEEK <= one.date < day for one in one.content.days)
    return one.start < day and (one.end or FOREVER) > day - WEEK


def _short_week(one: Period) -> bool:
    """True when some full week of the period has recorded sessions and fewer attended hours than the level's minimum.

    Weeks are counted from the period's first day. A week is full when all its seven days lie before the period's end,
    or while it is open up to the last recorded session. Weeks with leave or without recorded sessions are not judged.
    The period must have a recorded session.
    """
    least = MINUTES_A_WEEK.get(one.level)
    if least is None:
        return False
    known = one.end or one.recorded[-1] + ONE_DAY
    first = one.start.toordinal()
    minutes = dict.fromkeys([(day.toordinal() - first) // 7 for day in one.recorded], 0)
    for day in one.content.days:
        week = (day.date.toordinal() - first) // 7
        minutes[week] += sum([service.minutes for service in day.services])
    on_leave = {(day.toordinal() - first) // 7 for day in _leave_days(one, known)}
    full = (known.toordinal() - first) // 7
    return any(attended < least for week, attended in minutes.items() if week < full and week not in on_leave)


def _leave_days(one: Period, known: date) -> Iterable[date]:
    for leave in one.content.leave:
        day, end = leave.begins, leave.to or known
        while day < end:
            yield day
            day += ONE_DAY


def _interrupted(found: Sequence[Period]) -> Iterable[tuple[int, int]]:
    """Positions of each two inpatient periods of different stays of which one begins within INTERRUPTION of the other's
    leaving day.

    Medicare pays them as one stay: the patient is back before midnight of the third day, the leaving day being the
    first (inpatient psychiatric facility PPS, interrupted stay, 42 CFR 412.402).
    """
    inpatient = [(at, one) for at, one in enumerate(found) if one.level in ACUTE]
    for first, one in inpatient:
        for second, other in inpatient:
            later = one.left is not None and one.stay != other.stay and _begins_stay(other, found)
            if later and one.left is not None and one.left <= other.start <= one.left + INTERRUPTION:
                yield first, second


def _begins_stay(one: Period, found: Sequence[Period]) -> bool:
    """True when the period is the first of its stay."""
    return next(other for other in found if other.stay == one.stay) is one
