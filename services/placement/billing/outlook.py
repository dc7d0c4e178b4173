"""How an authorization is used up while a stay goes on: what was given, and each midnight in the house. Pure.

A service period reads no clock, so an open 24-hour stay burns nothing on it. Here its days are laid out ahead, as the
facts have them, without leave; whoever shows an authorization counts those that are over by the facility's day
(contract 3.8).
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
from services.placement.continuum.model import Folded
from shared.events.levels import ROUND_THE_CLOCK

FAR_AHEAD = timedelta(days=3660)
"""No further than so are days laid out, whatever an authorization's last day is."""
Days = list[tuple[date, date | None]]
"""Stretches of days [from, to); no end: it goes on so."""


@dataclass(slots=True)
class Outlook:
    """One authorization in force: units used by what was given and by stays that have ended, and units given beyond it;
    and the days ahead, each using one unit, or one too many."""

    allowance: Allowance
    over: Fraction = field(default_factory=Fraction)
    ahead: list[date] = field(default_factory=list)
    over_ahead: list[date] = field(default_factory=list)
    over_from: date | None = None
    """From this day on every day is one too many."""

    def burn(self, use: Use, share: Fraction, *, ahead: bool) -> Fraction:
        """Take so much of the use as there are units for; what share of it is left. A whole day that may still be to
        come is laid out, everything else is used."""
        one = self.allowance
        before = one.used
        left = one.burn(use, share)
        if ahead and one.unit == "day" and one.used - before == 1:
            self.ahead.append(use.day)
        return left

    def too_many(self, use: Use, share: Fraction, *, ahead: bool) -> None:
        """So much of the use is beyond what was allowed."""
        if ahead and self.allowance.unit == "day" and share == 1:
            self.over_ahead.append(use.day)
        else:
            self.over += use.amount(self.allowance.unit) * share

    def told(self) -> dict[str, Any]:
        """As the desk's list keeps it."""
        one = self.allowance
        over_ahead: Days = [*_stretches(self.over_ahead), *([(self.over_from, None)] if self.over_from else [])]
        found: dict[str, Any] = {"used": one.units_used - len(self.ahead), "over": -(-self.over // 1)}
        days = {"used": _stretches(self.ahead), "over": over_ahead}
        found["ahead"] = {name: [_text(each) for each in every] for name, every in days.items() if every}
        return found

    def nothing_left_on(self) -> date | None:
        """The first day that begins with nothing left, or with something given too many; None: none is known of."""
        one = self.allowance
        spent = [one.begins] if self.over or one.units == 0 else []
        if one.units is not None and one.used >= one.units:
            spent.append(self.ahead[-1] + ONE_DAY if self.ahead else one.begins)
        first = next(chain(self.over_ahead, [self.over_from] if self.over_from else []), None)
        if first is not None:
            spent.append(first + ONE_DAY)
        return min(spent, default=None)


def outlooks(found: Sequence[Period], folded: Folded) -> list[Outlook]:
    """Every authorization in force; `found` is all periods of one episode. The earliest to expire burns first."""
    every = [Outlook(one) for one in allowances(folded)]
    if not every:
        return []
    due = sorted((use.day, at, use, ahead) for at, one in enumerate(found) for use, ahead in _uses(one, folded, every))
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
        if whose is not None and _goes_on(period) and not _away(period):
            whose.over_from = _horizon(period, every)
    return every


def as_of(told: dict[str, Any], today: date) -> dict[str, Any]:
    """What the list keeps, as it is on a day: `used`, `left` (absent where no limit was named), `over` where it is."""
    ahead = told.get("ahead", {})
    used = told["used"] + sum(_over_by(today, each) for each in ahead.get("used", ()))
    over = told["over"] + sum(_over_by(today, each) for each in ahead.get("over", ()))
    found = {"used": used, "left": None if told.get("units") is None else max(told["units"] - used, 0)}
    return {name: value for name, value in (found | {"over": over or None}).items() if value is not None}


def _over_by(today: date, stretch: Sequence[str | None]) -> int:
    """How many days of a stretch are over when this day begins."""
    begins, ends = stretch
    last = today if ends is None else min(today, date.fromisoformat(ends))
    return max((last - date.fromisoformat(str(begins))).days, 0)


def _uses(period: Period, folded: Folded, every: Sequence[Outlook]) -> Iterator[tuple[Use, bool]]:
    """Each day on which something is used, and whether it may still be to come."""
    if not _goes_on(period):
        yield from ((use, False) for use in uses(period, folded))
        return
    given = given_on(period, folded)
    for day in days_in_the_house(period, _horizon(period, every)):
        yield Use(day, *given.get(day, (0, 0))), True


def _goes_on(period: Period) -> bool:
    return period.end is None and period.level in ROUND_THE_CLOCK


def _away(period: Period) -> bool:
    return any(one.to is None for one in period.content.leave)


def _horizon(period: Period, every: Iterable[Outlook]) -> date:
    """The day after the last one that is authorized of an open period, or away: from then on days are alike."""
    last = max((one.allowance.to for one in every if _fits(one, period)), default=period.start - ONE_DAY)
    back = max((one.to for one in period.content.leave if one.to), default=period.start)
    return max(min(last, period.start + FAR_AHEAD) + ONE_DAY, back)


def _fits(one: Outlook, period: Period) -> bool:
    return (one.allowance.payer, one.allowance.level) == (period.content.payer, period.level)


def _last(every: Sequence[Outlook], period: Period, day: date) -> Outlook | None:
    """The authorization of this period that was there last before a day: what comes after it is beyond it."""
    there = [one for one in every if _fits(one, period) and one.allowance.begins < day]
    there = [one for one in there if one.allowance.to >= period.start]
    return max(there, key=lambda one: (one.allowance.to, one.allowance.begins, one.allowance.auth_id), default=None)


def _stretches(days: Sequence[date]) -> Days:
    """Days in their order as stretches."""
    found: list[tuple[date, date | None]] = []
    for day in days:
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + ONE_DAY)
        else:
            found.append((day, day + ONE_DAY))
    return found


def _text(stretch: tuple[date, date | None]) -> list[str | None]:
    return [each.isoformat() if each else None for each in stretch]
