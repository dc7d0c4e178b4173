"""The values of billing: what a period is, how a place is billed, what was sent; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from services.placement.continuum.model import StayKey
from shared.events.base import StayKind
from shared.events.billing import PeriodContent, ServicePeriod
from shared.events.levels import Level
from shared.site.config import BilledAs
from shared.values import value_object

STILL_PATIENT = "30"
"""Patient status while a period has no end, and where it ends but its stay goes on (contract 4; NUBC FL17)."""
UNKNOWN_PAYER = "unknown"
"""Payer before the first coverage, and one that site config does not have (contract 2, 4)."""
NOT_AVAILABLE = "9"
"""Type of admission and point of origin where no table has what was sent (UB-04 FL14, FL15: not available)."""


class PeriodKey(NamedTuple):
    """What a period is, in whatever order its facts come: the stay and the root of the fact that began the stretch."""

    kind: StayKind
    stay: str
    root: str


BillingTable = Callable[[str, str | None, str | None, str], BilledAs]
"""(facility, program, unit, level) → how it is billed."""


@value_object
class Period:
    """One stretch of one stay as it should be billed now, [start, end) with no end while it is open.

    `left` is the day the stay was left, in its last period; `recorded` are the days with a session, attended or missed.
    `unmapped` are warnings of what was sent and is in no table of the site.
    """

    key: PeriodKey
    start: date
    end: date | None
    content: PeriodContent
    left: date | None = None
    recorded: tuple[date, ...] = ()
    unmapped: frozenset[str] = frozenset()

    @property
    def stay(self) -> StayKey:
        """(kind, id)."""
        return (self.key.kind, self.key.stay)

    @property
    def level(self) -> Level:
        """Level of care."""
        return self.content.level

    @property
    def facility(self) -> str:
        """Whose care it is."""
        return self.content.facility


@value_object
class SentPeriod:
    """The last version that went out for a key. `life` counts the ids that the key has had: 1,2,3…"""

    period_id: str
    life: int
    version: int
    voided: bool
    content: PeriodContent
    supersedes: str | None = None


@value_object
class PeriodChange:
    """One version to publish, and what to keep of it."""

    key: PeriodKey
    value: ServicePeriod
    sent: SentPeriod

    @property
    def name(self) -> str:
        """service-period-opened, …"""
        return self.value.TYPE
