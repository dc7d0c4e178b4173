"""How much of each authorization the periods of an episode use up, and what a period shows of it (contract 4).

Units are days, sessions or hours; `to` is included; the earliest to expire is used first. At a program attended
sessions use units. A 24-hour stay uses one day for each counted day, those of leave only where the payer says so. A
period reads no clock: while it is open these are the midnights before the latest fact of the episode (`as_of`, contract
3.8); outlook.py has what an open one has used by any day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from services.placement.billing.days import FOREVER, ONE_DAY
from services.placement.billing.model import UNKNOWN_PAYER, Period
from services.placement.billing.payer_rules import PayerRules
from services.placement.continuum.model import Folded, Session, StayKey
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingAuthorization
from services.placement.continuum.stay_facts import ZoneOf
from shared.events.authorizations import AuthorizationUnit
from shared.events.billing import BilledAuthorization
from shared.events.levels import ROUND_THE_CLOCK, Level

MISSING, EXHAUSTED = "missing-authorization", "exhausted-authorization"
"""Warnings of contract 4."""
MINUTES_AN_HOUR = 60


class Use(NamedTuple):
    """One day of a period that uses units: the sessions attended on it, and the minutes of all their services."""

    day: date
    sessions: int
    minutes: int

    def amount(self, unit: AuthorizationUnit, minutes: int = MINUTES_AN_HOUR) -> Fraction:
        """How many units the day takes; of hours, which may have fewer `minutes`, a fraction is possible."""
        if unit == "hour":
            return Fraction(self.minutes, minutes)
        return Fraction(self.sessions if unit == "session" else 1)


@dataclass(slots=True)
class Allowance:
    """One authorization in force, with the units used of it so far. `units` None: no limit was named. `begins` and
    `to`: its first and last day."""

    auth_id: str
    number: str | None
    payer: str
    level: Level
    unit: AuthorizationUnit
    units: int | None
    begins: date
    to: date
    unit_minutes: int = MINUTES_AN_HOUR
    """Minutes of a unit, where it is an hour or a part of one."""
    used: Fraction = field(default_factory=Fraction)

    def covers(self, payer: str, level: Level, day: date) -> bool:
        """True when it is for this payer, level and day."""
        return (self.payer, self.level) == (payer, level) and self.begins <= day <= self.to

    def wanted(self, use: Use) -> Fraction:
        """How many units a day takes."""
        return use.amount(self.unit, self.unit_minutes)

    def burn(self, use: Use, share: Fraction) -> Fraction:
        """Use units for this share (0 to 1) of a day, as far as there are any. Returns the share that is left."""
        wanted = self.wanted(use) * share
        taken = wanted if self.units is None else min(wanted, max(self.units - self.used, Fraction(0)))
        self.used += taken
        return share - share * taken / wanted if wanted else Fraction(0)

    @property
    def units_used(self) -> int:
        """Units used so far; one that was begun counts."""
        return -(-self.used // 1)

    def billed(self, as_of: date | None = None) -> BilledAuthorization:
        """The authorization as a service period shows it; `as_of`: the midnights before this day are counted, of one
        that is open."""
        return BilledAuthorization(
            number=self.number,
            begins=self.begins,
            to=self.to,
            units_authorized=self.units,
            units_used=self.units_used,
            as_of=as_of,
        )


class Authorized(NamedTuple):
    """Of one period: the authorizations that share days with it, as used up to its end, and its warnings."""

    authorizations: list[BilledAuthorization]
    warnings: set[str]


def authorized(found: Sequence[Period], folded: Folded, payers: PayerRules, zone_of: ZoneOf) -> list[Authorized]:
    """The authorizations and warnings of each period, in the order given; `found`: all periods of one episode.

    Days are used in their order, those of one day in the order of periods, so that a later period never changes what an
    earlier one shows. The payer of a period is the first of its coverage.
    """
    allowed = allowances(folded)
    if not allowed:
        return [Authorized([], {MISSING} if _needs(one, payers) else set()) for one in found]
    seen = [_seen_until(one, folded, zone_of) for one in found]
    burning = [uses(one, folded, payers, until) for one, until in zip(found, seen, strict=True)]
    said: list[set[str]] = [set() for _ in found]
    shown: list[list[BilledAuthorization]] = [[] for _ in found]
    due = sorted([(use.day, at, use) for at, each in enumerate(burning) for use in each])
    due_at = 0
    for at in sorted(range(len(found)), key=lambda at: (found[at].end or FOREVER, at)):
        end = found[at].end or FOREVER
        while due_at < len(due) and due[due_at][0] < end:
            _, whose, use = due[due_at]
            _burn(use, found[whose], allowed, said[whose], needed=_needs(found[whose], payers))
            due_at += 1
        shown[at] = [one.billed(seen[at]) for one in allowed if _touches(one, found[at], end)]
    for words, period in zip(said, found, strict=True):
        if _needs(period, payers) and not any(_covers(one, period, period.start) for one in allowed):
            words.add(MISSING)
    return [Authorized(*one) for one in zip(shown, said, strict=True)]


def allowances(folded: Folded) -> list[Allowance]:
    """The authorizations in force of an episode, the earliest to expire first, with nothing used yet."""
    found = [_allowance(told) for told in folded.authorizations if told.in_force]
    return sorted(found, key=lambda one: (one.to, one.begins, one.auth_id))


def _allowance(told: StandingAuthorization) -> Allowance:
    return Allowance(
        told.auth_id, told.number, told.payer, told.level, told.unit, told.units, told.begins, told.to,
        told.unit_minutes or MINUTES_AN_HOUR,
    )  # fmt: skip


def _seen_until(period: Period, folded: Folded, zone_of: ZoneOf) -> date | None:
    """Of an open 24-hour period the day of the episode's latest fact; None of any other."""
    if period.end is not None or period.level not in ROUND_THE_CLOCK or folded.last is None:
        return None
    return max(period.start, day_of(folded.last, zone_of(period.facility)))


def _needs(period: Period, payers: PayerRules) -> bool:
    payer = period.content.payer
    return payer != UNKNOWN_PAYER and payers.needs_authorization(payer, period.level)


def _covers(one: Allowance, period: Period, day: date) -> bool:
    return one.covers(period.content.payer, period.level, day)


def _touches(one: Allowance, period: Period, end: date) -> bool:
    same = (one.payer, one.level) == (period.content.payer, period.level)
    return same and one.begins < end and period.start <= one.to


def _burn(use: Use, period: Period, allowed: Iterable[Allowance], words: set[str], *, needed: bool) -> None:
    """Use units for one day of a period, and add to `words` the warnings for what nothing covers. `needed`: the payer
    pays only what it has authorized."""
    fitting = [one for one in allowed if _covers(one, period, use.day)]
    if not fitting:
        words.update({MISSING} if needed else ())
        return
    left = Fraction(1)
    for one in fitting:
        if not left:
            break
        left = one.burn(use, left)
    if left:
        words.add(EXHAUSTED)


def uses(period: Period, folded: Folded, payers: PayerRules, until: date | None) -> list[Use]:
    """The days of a period that use units; of an open 24-hour one those before `until`, None: none."""
    given = given_on(period, folded)
    if period.level not in ROUND_THE_CLOCK:
        return [Use(day, *amounts) for day, amounts in given.items()]
    end = period.end or until
    if end is None:
        return []
    return [Use(day, *given.get(day, (0, 0))) for day in days_in_the_house(period, end, payers)]


def given_on(period: Period, folded: Folded) -> dict[date, tuple[int, int]]:
    """Attended day of the period → (sessions, minutes)."""
    found: dict[date, tuple[int, int]] = {}
    for session in _sessions(folded, period.stay):
        if session.attended and period.start <= session.day < (period.end or FOREVER):
            sessions, minutes = found.get(session.day, (0, 0))
            more = sum(service.minutes for service in session.services)
            found[session.day] = (sessions + 1, minutes + more)
    return found


def _sessions(folded: Folded, stay: StayKey) -> Iterable[Session]:
    return next((one.sessions for one in folded.stays if one.key == stay), ())


def days_in_the_house(period: Period, end: date, payers: PayerRules) -> Iterable[date]:
    """The days of the period before `end`, without those of leave where the payer does not count them."""
    counts = bool(period.content.leave) and payers.leave_counts(period.content.payer, period.level)
    away = () if counts else [(one.begins, one.to or FOREVER) for one in period.content.leave]
    day = period.start
    while day < end:
        if not any(since <= day < until for since, until in away):
            yield day
        day += ONE_DAY
