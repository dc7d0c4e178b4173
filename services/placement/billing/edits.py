"""Warnings that follow from the periods of one episode alone (contract 4); they change no days.

`overlap` and `inpatient-overlap` are for every payer; the others are edits of the period's payer by the site's table.
Warnings about authorizations are in authorizations.py. Periods of other episodes are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from services.placement.billing.days import FOREVER, ONE_DAY
from services.placement.billing.model import Period
from services.placement.billing.payer_rules import PayerRules
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.continuum.stay_facts import ZoneOf
from shared.events.levels import ACUTE, ROUND_THE_CLOCK
from shared.site.payers import Apart, Edits

MINUTES_AN_HOUR = 60
IN_PERSON = "in-person"


def warnings(found: Sequence[Period], folded: Folded, payers: PayerRules, zone_of: ZoneOf) -> list[set[str]]:
    """The warnings of each period, in the order given; `found`: all periods of one episode, by their first day."""
    said: list[set[str]] = [set() for _ in found]
    asked = [payers.edits(one.content.payer) for one in found]
    for words, period, edits in zip(said, found, asked, strict=True):
        if edits.hours_week or edits.in_person:
            words.update(_alone(period, edits, folded, zone_of))
    if len(found) == 1:
        return said
    for first, second in _sharing_days(found):
        said[first].add("overlap")
        said[second].add("overlap")
        for one, other in ((first, second), (second, first)):
            if found[one].level in ACUTE and found[other].level not in ROUND_THE_CLOCK:
                said[other].add("inpatient-overlap")
    for words, period, edits in zip(said, found, asked, strict=True):
        if any(_other_days_close_before(period, found, row) for row in edits.apart):
            words.add("seven-day-rule")
    for first, second in _interrupted(found, asked):
        said[first].add("interrupted-stay")
        said[second].add("interrupted-stay")
    return said


def _alone(period: Period, edits: Edits, folded: Folded, zone_of: ZoneOf) -> Iterator[str]:
    """The warnings of a period that no other one has a part in."""
    least = edits.hours_week.get(period.level)
    if least is not None:
        planned = edits.hours_of == "plan"
        if _little_planned(period, least, folded, zone_of) if planned else _short_week(period, least):
            yield "hours-under-minimum"
    if period.level in edits.in_person and _any_remote(period):
        yield "telehealth-not-covered"


def _little_planned(period: Period, least: float, folded: Folded, zone_of: ZoneOf) -> bool:
    """True where a plan of care that is in force in the period has fewer hours a week than the payer asks for.

    A plan is in force until the day of the next one of the facility for the level, the first one from the beginning on.
    """
    zone = zone_of(period.facility)
    plans = [one for one in folded.plans if (one.facility, one.level) == (period.facility, period.level)]
    begins = [day_of(one.at, zone) for one in plans]
    for at, plan in enumerate(plans):
        until = begins[at + 1] if at + 1 < len(plans) else FOREVER
        since = begins[at] if at else date.min
        if plan.hours_week < least and since < (period.end or FOREVER) and period.start < until:
            return True
    return False


def _any_remote(period: Period) -> bool:
    return any(service.mode != IN_PERSON for day in period.content.days for service in day.services)


def _sharing_days(found: Sequence[Period]) -> Iterable[tuple[int, int]]:
    """Positions of each two periods that share a day, which is flagged in both (contract 4, Payer)."""
    for second, later in enumerate(found):
        for first in range(second):
            if later.start < (found[first].end or FOREVER):
                yield first, second


def _other_days_close_before(period: Period, found: Sequence[Period], row: Apart) -> bool:
    """True when a claim for this period (IOP) would be refused: it shares a day with a period of the level that it must
    be apart from (PHP) of the same provider, or that level was given in the days before its first day (NAHRI on CMS's
    condition code 92 requirements)."""
    return period.level == row.level and any(
        other.level == row.other
        and _provider(other) == _provider(period)
        and (_share(other, period) or _served_before(other, period.start, timedelta(days=row.days)))
        for other in found
    )


def _provider(one: Period) -> str:
    return one.content.program.npi or one.facility


def _share(one: Period, other: Period) -> bool:
    return one.start < (other.end or FOREVER) and other.start < (one.end or FOREVER)


def _served_before(one: Period, day: date, within: timedelta) -> bool:
    """True when the period has a service in the time before `day`: an attended day; where no session is recorded at
    all, any day of the period."""
    if one.recorded:
        return any(day - within <= one.date < day for one in one.content.days)
    return one.start < day and (one.end or FOREVER) > day - within


def _short_week(one: Period, hours: float) -> bool:
    """True when some full week of the period has recorded sessions and fewer attended hours than the level's minimum.

    Weeks are counted from the period's first day. A week is full when all its seven days lie before the period's end,
    or while it is open up to the last recorded session. Weeks with leave or without recorded sessions are not judged.
    """
    if not one.recorded:
        return False
    least = hours * MINUTES_AN_HOUR
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


def _interrupted(found: Sequence[Period], asked: Sequence[Edits]) -> Iterable[tuple[int, int]]:
    """Positions of each two inpatient periods of different stays of which one begins so soon after the other's leaving
    day that the later one's payer pays them as one stay (42 CFR 412.402)."""
    inpatient = [(at, one) for at, one in enumerate(found) if one.level in ACUTE]
    for first, one in inpatient:
        for second, other in inpatient:
            most = asked[second].interrupted_days
            later = one.left is not None and one.stay != other.stay and _begins_stay(other, found)
            if most is None or one.left is None or not later:
                continue
            if one.left <= other.start <= one.left + timedelta(days=most):
                yield first, second


def _begins_stay(one: Period, found: Sequence[Period]) -> bool:
    """True when the period is the first of its stay."""
    return next(other for other in found if other.stay == one.stay) is one
