"""The values of billing: what a period is, how a place is billed, what was sent; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from services.placement.continuum.model import StayKey
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

    kind: str
    stay: str
    root: str


BillingTable = Callable[[str, str | None, str | None, str], BilledAs]
"""(facility, program, unit, level) → how it is billed."""


@value_object
class Period:
    """One stretch of one stay as it should be billed now, [start, end) with no end while it is open.

    `content` is a ServicePeriod as plain JSON values, but for period_id, version, changed, supersedes and reason.
    `left` is the day the stay was left, in its last period; `recorded` are the days with a session, attended or missed.
    `unmapped` are warnings of what was sent and is in no table of the site.
    """

    key: PeriodKey
    level: str
    facility: str
    start: date
    end: date | None
    content: dict[str, Any]
    left: date | None = None
    recorded: tuple[date, ...] = ()
    unmapped: frozenset[str] = frozenset()

    @property
    def stay(self) -> StayKey:
        """(kind, id)."""
        return (self.key.kind, self.key.stay)


@value_object
class SentPeriod:
    """The last version that went out for a key. `life` counts the ids that the key has had: 1,2,3…"""

    period_id: str
    life: int
    version: int
    voided: bool
    content: dict[str, Any]
    supersedes: str | None = None


@value_object
class PeriodChange:
    """One version to publish: `name` is service-period-opened, …, `value` a whole one, `sent` what to keep."""

    name: str
    key: PeriodKey
    value: dict[str, Any]
    sent: SentPeriod
