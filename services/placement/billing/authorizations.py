"""What the payer allowed, burnt down by what was given: units used, and days without leave; changes no period.

Contract 4: unit day, session or hour; `to` inclusive; the earliest to expire burns first. A program's day burns when it
was attended. A 24-hour stay has no attendance: each counted day in the house burns, once the period has an end, since a
period reads no clock. How far an open one has burnt by a day is for `outlook`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from services.placement.billing.days import FOREVER, ONE_DAY
from services.placement.billing.model import UNKNOWN_PAYER, Period
from services.placement.continuum.model import Folded, Session, StandingAuthorization, StayKey
from shared.events.authorizations import AuthorizationUnit
from shared.events.billing import BilledAuthorization
from shared.events.levels import ROUND_THE_CLOCK, Level

MISSING, EXHAUSTED = "missing-authorization", "exhausted-authorization"
MINUTES_AN_HOUR = 60

NeedsAuthorization = Callable[[str, str], bool]
"""(payer, level) → whether this payer pays for this level only what it has authorized."""


class Use(NamedTuple):
    """One day of a period on which something was given: sessions attended, and their minutes together."""

    day: date
    sessions: int
    minutes: int

    def amount(self, unit: AuthorizationUnit) -> Fraction:
        """How many units it takes; an hour may be begun."""
        if unit == "hour":
            return Fraction(self.minutes, MINUTES_AN_HOUR)
        return Fraction(self.sessions if unit == "session" else 1)


@dataclass(slots=True)
class Allowance:
    """One authorization in force while it burns; `units` None: no limit was named."""

    auth_id: str
    number: str | None
    payer: str
    level: Level
    unit: AuthorizationUnit
    units: int | None
    begins: date
    to: date
    used: Fraction = field(default_factory=Fraction)

    def covers(self, payer: str, level: Level, day: date) -> bool:
        """Whether it is for this payer, level and day."""
        return (self.payer, self.level) == (payer, level) and self.begins <= day <= self.to

    def burn(self, use: Use, share: Fraction) -> Fraction:
        """Take so much of the use as there are units for; what share of the use is left."""
        wanted = use.amount(self.unit) * share
        taken = wanted if self.units is None else min(wanted, max(self.units - self.used, Fraction(0)))
        self.used += taken
        return share - share * taken / wanted if wanted else Fraction(0)

    @property
    def units_used(self) -> int:
        """A unit that was begun is used."""
        return -(-self.used // 1)

    def billed(self) -> BilledAuthorization:
        """As a service period shows it."""
        return BilledAuthorization(
            number=self.number,
            begins=self.begins,
            to=self.to,
            units_authorized=self.units,
            units_used=self.units_used,
        )


class Authorized(NamedTuple):
    """Of one period: the authorizations that share days with it, as used up to its end, and its warnings."""

    authorizations: list[BilledAuthorization]
    warnings: set[str]


def authorized(found: Sequence[Period], folded: Folded, needed: NeedsAuthorization) -> list[Authorized]:
    """What is authorized of each period, in the order given; `found` is all periods of one episode.

    Days burn in their order, those of one day in the order of periods; so what a later period uses never changes what
    an earlier one shows. Payer: the first of the period's coverage.
    """
    allowed = allowances(folded)
    if not allowed:
        return [Authorized([], {MISSING} if _needs(one, needed) else set()) for one in found]
    burning = [uses(one, folded) for one in found]
    said: list[set[str]] = [set() for _ in found]
    shown: list[list[BilledAuthorization]] = [[] for _ in found]
    due = sorted([(use.day, at, use) for at, each in enumerate(burning) for use in each])
    due_at = 0
    for at in sorted(range(len(found)), key=lambda at: (found[at].end or FOREVER, at)):
        end = found[at].end or FOREVER
        while due_at < len(due) and due[due_at][0] < end:
            _, whose, use = due[due_at]
            _burn(use, found[whose], allowed, said[whose], needed=_needs(found[whose], needed))
            due_at += 1
        shown[at] = [one.billed() for one in allowed if _touches(one, found[at], end)]
    for words, period in zip(said, found, strict=True):
        if _needs(period, needed) and not any(_covers(one, period, period.start) for one in allowed):
            words.add(MISSING)
    return [Authorized(*one) for one in zip(shown, said, strict=True)]


def allowances(folded: Folded) -> list[Allowance]:
    """The authorizations in force, the earliest to expire first."""
    found = [_allowance(told) for told in folded.authorizations if told.in_force]
    return sorted(found, key=lambda one: (one.to, one.begins, one.auth_id))


def _allowance(told: StandingAuthorization) -> Allowance:
    return Allowance(told.auth_id, told.number, told.payer, told.level, told.unit, told.units, told.begins, told.to)


def _needs(period: Period, needed: NeedsAuthorization) -> bool:
    payer = period.content.payer
    return payer != UNKNOWN_PAYER and needed(payer, period.level)


def _covers(one: Allowance, period: Period, day: date) -> bool:
    return one.covers(period.content.payer, period.level, day)


def _touches(one: Allowance, period: Period, end: date) -> bool:
    same = (one.payer, one.level) == (period.content.payer, period.level)
    return same and one.begins < end and period.start <= one.to


def _burn(use: Use, period: Period, allowed: Iterable[Allowance], words: set[str], *, needed: bool) -> None:
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


def uses(period: Period, folded: Folded) -> list[Use]:
    """The days on which something is used, as far as the facts go: none of an open 24-hour stay."""
    given = given_on(period, folded)
    if period.level not in ROUND_THE_CLOCK:
        return [Use(day, *amounts) for day, amounts in given.items()]
    if period.end is None:
        return []
    return [Use(day, *given.get(day, (0, 0))) for day in days_in_the_house(period, period.end)]


def given_on(period: Period, folded: Folded) -> dict[date, tuple[int, int]]:
    """Attended day → (sessions, minutes), inside the period."""
    found: dict[date, tuple[int, int]] = {}
    for session in _sessions(folded, period.stay):
        if session.attended and period.start <= session.day < (period.end or FOREVER):
            sessions, minutes = found.get(session.day, (0, 0))
            more = sum(service.minutes for service in session.services)
            found[session.day] = (sessions + 1, minutes + more)
    return found


def _sessions(folded: Folded, stay: StayKey) -> Iterable[Session]:
    return next((one.sessions for one in folded.stays if one.key == stay), ())


def days_in_the_house(period: Period, end: date) -> Iterable[date]:
    """The days of the period before `end` without those of a leave, which may go on."""
    away = [(one.begins, one.to or FOREVER) for one in period.content.leave]
    day = period.start
    while day < end:
        if not any(since <= day < until for since, until in away):
            yield day
        day += ONE_DAY
