"""The values of billing: a service period, the version of it that was sent, and a change to publish."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from services.placement.continuum.model import StayKey
from shared.events.base import StayKind
from shared.events.billing import PeriodContent, ServicePeriod
from shared.events.levels import Level
from shared.site.billed import BilledAs
from shared.values import value_object

UNKNOWN_PAYER = "unknown"
"""The payer before the first coverage, and where the site config does not have the one that was sent (contract 2,
4)."""
NOT_AVAILABLE = "9"
"""Type of admission and point of origin where no table of the site has what was sent (UB-04 FL14, FL15)."""


class PeriodKey(NamedTuple):
    """The identity of a period: its stay, and the root of the fact that began the stretch (contract 4, Identity). It
    does not depend on the order in which facts came."""

    kind: StayKind
    stay: str
    root: str


BillingTable = Callable[[str, str | None, str | None, str], BilledAs]
"""(facility, program, unit, level) → how care there is billed, by the site config."""


@value_object
class Period:
    """One service period as it should be now: [start, end), with `end` None while it is open.

    `left`: the leaving day, in the last period of an ended stay. `recorded`: its days with a session, attended or
    missed. `unmapped`: warnings about what is in no table of the site.
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
        """The (kind, id) of its stay."""
        return (self.key.kind, self.key.stay)

    @property
    def level(self) -> Level:
        """The level of care."""
        return self.content.level

    @property
    def facility(self) -> str:
        """The facility that gives the care."""
        return self.content.facility


@value_object
class SentPeriod:
    """The latest version that was sent for a key. `life`: which id of this key it is, 1, 2, 3 …"""

    period_id: str
    life: int
    version: int
    voided: bool
    content: PeriodContent
    supersedes: str | None = None


@value_object
class PeriodChange:
    """One version to publish (`value`), and what to store of it (`sent`)."""

    key: PeriodKey
    value: ServicePeriod
    sent: SentPeriod

    @property
    def name(self) -> str:
        """The name of its type: service-period-opened and so on."""
        return self.value.TYPE
