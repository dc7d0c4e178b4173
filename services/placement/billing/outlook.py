"""How much of each authorization is used on a given day, also by 24-hour stays that go on (contract 3.8). Pure.

A service period reads no clock: it counts up to the latest fact of the episode. Here the future days of such a stay,
without leave, are listed in advance: a reader counts those of them that are over (`as_of`), and nothing has to be
derived anew each day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from itertools import chain
from typing import Any

from services.placement.billing.authorizations import Allowance, Use, allowances, days_in_the_house, given_on, uses
from services.placement.billing.days import ONE_DAY
from services.placement.billing.model import Period
from services.placement.billing.payer_rules import NO_RULES, PayerRules
from services.placement.continuum.model import Folded
from shared.events.levels import ROUND_THE_CLOCK

FAR_AHEAD = timedelta(days=3660)
"""Days are listed at most so far ahead of a period's first day, whatever an authorization's last day is."""
Days = list[tuple[date, date | None]]
"""Stretches of days [from, to); `to` None: without end."""


@dataclass(slots=True)
class Outlook:
    """One authorization in force and its use.

    `allowance`: with all units used, those of `ahead` too. `over`: units given beyond what was allowed. `ahead`: days
    of open 24-hour stays that use one unit each. `over_ahead`: such days for which no unit is left.
    """

    allowance: Allowance
    over: Fraction = field(default_factory=Fraction)
    ahead: list[date] = field(default_factory=list)
    over_ahead: list[date] = field(default_factory=list)
    over_from: date | None = None
    """From this day on every day is beyond what was allowed; None: there is no such day."""

    def burn(self, use: Use, share: Fraction, *, ahead: bool) -> Fraction:
        """Use units for this share (0 to 1) of a day, as far as there are any. Returns the share that is left. `ahead`:
        the day may be still to come; it is then listed if it takes a whole day's unit."""
        one = self.allowance
        before = one.used
        left = one.burn(use, share)
        if ahead and one.unit == "day" and one.used - before == 1:
            self.ahead.append(use.day)
        return left

    def too_many(self, use: Use, share: Fraction, *, ahead: bool) -> None:
        """Note that this share of a day is beyond what was allowed."""
        if ahead and self.allowance.unit == "day" and share == 1:
            self.over_ahead.append(use.day)
        else:
            self.over += self.allowance.wanted(use) * share

    def told(self) -> dict[str, Any]:
        """The use as it is stored with the desk's entry, for `as_of`: `used` and `over` without the days ahead, and
        these as `ahead`."""
        one = self.allowance
        over_ahead: Days = [*_stretches(self.over_ahead), *([(self.over_from, None)] if self.over_from else [])]
        found: dict[str, Any] = {"used": one.units_used - len(self.ahead), "over": -(-self.over // 1)}
        days = {"used": _stretches(self.ahead), "over": over_ahead}
        found["ahead"] = {name: [_text(each) for each in every] for name, every in days.items() if every}
        return found

    def nothing_left_on(self) -> date | None:
        """The first day on which nothing is left, or more than was allowed has been given; None where none is known."""
        one = self.allowance
        spent = [one.begins] if self.over or one.units == 0 else []
        if one.units is not None and one.used >= one.units:
            spent.append(self.ahead[-1] + ONE_DAY if self.ahead else one.begins)
        first = next(chain(self.over_ahead, [self.over_from] if self.over_from else []), None)
        if first is not None:
            spent.append(first + ONE_DAY)
        return min(spent, default=None)


def outlooks(found: Sequence[Period], folded: Folded, payers: PayerRules = NO_RULES) -> list[Outlook]:
    """The use of every authorization in force, the earliest to expire first, which is also used first. `found`: all
    periods of one episode."""
    every = [Outlook(one) for one in allowances(folded)]
    if not every:
        return []
    burning = [_uses(one, folded, payers, every) for one in found]
    due = sorted((use.day, at, use, ahead) for at, each in enumerate(burning) for use, ahead in each)
    for day, at, use, ahead in due:
        fitting = [one for one in every if _fits(one, found[at]) and one.allowance.begins <= day <= one.allowance.to]
        left = Fraction(1)
        for one in fitting:
            left = one.burn(use, left, ahead=ahead) if left else left
        whose = fitting[-1] if fitting else _last(every, found[at], day)
        if left and whose is not None:
            whose.too_many(use, left, ahead=ahead)
    for period in found:
        whose = _last(every, period, date.max)
        if whose is not None and _goes_on(period) and not _away(period, payers):
            whose.over_from = _horizon(period, every)
    return every


def as_of(told: dict[str, Any], today: date) -> dict[str, Any]:
    """The use on a day, of an entry's stored content: `used`, `left` (absent where no limit was named) and `over`
    (absent where it is 0), in units."""
    ahead = told.get("ahead", {})
    used = told["used"] + sum(_over_by(today, each) for each in ahead.get("used", ()))
    over = told["over"] + sum(_over_by(today, each) for each in ahead.get("over", ()))
    found = {"used": used, "left": None if told.get("units") is None else max(told["units"] - used, 0)}
    return {name: value for name, value in (found | {"over": over or None}).items() if value is not None}


def _over_by(today: date, stretch: Sequence[str | None]) -> int:
    """How many days of a stretch are over at the beginning of this day."""
    begins, ends = stretch
    last = today if ends is None else min(today, date.fromisoformat(ends))
    return max((last - date.fromisoformat(str(begins))).days, 0)


def _uses(period: Period, folded: Folded, payers: PayerRules, every: Sequence[Outlook]) -> Iterator[tuple[Use, bool]]:
    """Each day of a period that uses units, and whether it may be still to come."""
    if not _goes_on(period):
        yield from ((use, False) for use in uses(period, folded, payers, None))
        return
    given = given_on(period, folded)
    for day in days_in_the_house(period, _horizon(period, every), payers):
        yield Use(day, *given.get(day, (0, 0))), True


def _goes_on(period: Period) -> bool:
    return period.end is None and period.level in ROUND_THE_CLOCK


def _away(period: Period, payers: PayerRules) -> bool:
    if payers.leave_counts(period.content.payer, period.level):
        return False
    return any(one.to is None for one in period.content.leave)


def _horizon(period: Period, every: Iterable[Outlook]) -> date:
    """The day from which on all days of an open period are alike: after its last authorized day and its last leave."""
    last = max((one.allowance.to for one in every if _fits(one, period)), default=period.start - ONE_DAY)
    back = max((one.to for one in period.content.leave if one.to), default=period.start)
    return max(min(last, period.start + FAR_AHEAD) + ONE_DAY, back)


def _fits(one: Outlook, period: Period) -> bool:
    return (one.allowance.payer, one.allowance.level) == (period.content.payer, period.level)


def _last(every: Sequence[Outlook], period: Period, day: date) -> Outlook | None:
    """Of the authorizations for this period that began before a day the one that ends last: what nothing covers counts
    as beyond this one."""
    there = [one for one in every if _fits(one, period) and one.allowance.begins < day]
    there = [one for one in there if one.allowance.to >= period.start]
    return max(there, key=lambda one: (one.allowance.to, one.allowance.begins, one.allowance.auth_id), default=None)


def _stretches(days: Sequence[date]) -> Days:
    """Consecutive days as stretches; `days` are in order."""
    found: list[tuple[date, date | None]] = []
    for day in days:
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + ONE_DAY)
        else:
            found.append((day, day + ONE_DAY))
    return found


def _text(stretch: tuple[date, date | None]) -> list[str | None]:
    return [each.isoformat() if each else None for each in stretch]
