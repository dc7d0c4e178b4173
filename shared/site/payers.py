"""Payers of a site config: their names, what they authorize, their edits, and their clocks (contract 3.8, 4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.events.levels import Level
from shared.site.values import Name, Part

Days = Annotated[int, Field(ge=1, le=3650)]


class Apart(Part):
    """Services of `level` that a payer returns where services of `other` were given in the `days` before (CMS condition
    code 92: intensive outpatient within a week of partial hospitalization, same provider)."""

    level: Level
    other: Level = Field(alias="from")
    days: int = Field(default=7, ge=1, le=60)


class Edits(Part):
    """What a payer looks at before it pays; each is a warning on the service period, none changes its days."""

    apart: tuple[Apart, ...] = ()
    """Levels that must be apart: `seven-day-rule`."""
    interrupted_days: int | None = Field(default=None, ge=0, le=30)
    """An inpatient stay that begins up to so many days after the leaving day of another interrupts it:
    `interrupted-stay`. Medicare pays both as one: back before midnight of the third day, the leaving day being the
    first (42 CFR 412.402), which are 2."""
    hours_week: dict[Level, Annotated[float, Field(gt=0, le=168)]] = Field(default_factory=dict)
    """Level → hours that a week must have at least: `hours-under-minimum`."""
    hours_of: Literal["plan", "attended"] = "plan"
    """Where the hours are looked up: on the plan of care (42 CFR 410.43, 410.44), or in each full week attended."""
    in_person: tuple[Level, ...] = ()
    """Levels of which nothing by telehealth or telephone is covered: `telehealth-not-covered`."""


NO_EDITS = Edits()


class Payer(Part):
    """A payer by the site's own id; feeds name it by that, or by a text in `sent_as` (IN1-3, else IN1-2)."""

    id: Name
    title: Name
    sent_as: tuple[Name, ...] = ()
    plans: tuple[Name, ...] = ()
    """Plans (IN1-2) that go on by their names; another one goes on as `unknown`."""
    authorizes: tuple[Level, ...] = ()
    """Levels that it pays for only what it has authorized."""
    changed_to_outpatient: Literal["from-now", "void"] = "from-now"
    """Inpatient days before a change to outpatient in the same bed (condition code 44): billed, or void from the
    start."""
    edits: Edits = NO_EDITS


class CertificationRule(Part):
    """By which day of a stay at a level a physician certifies it. The first day is day 1."""

    then_day: Days | None = None
    """The day of the first recertification; absent: at most `every_days` after the first certification began."""
    every_days: Days
    """Each further one at most so many days after the one before it began."""


class PayerClock(Part):
    """What a payer wants to be told, or signed, while a stay at a level goes on (contract 3.8)."""

    payer: Name
    level: Level
    unit: Literal["day", "session", "hour", "quarter-hour"] | None = None
    """What it authorizes, where a request does not say."""
    lead_days: int = Field(default=3, ge=0, le=60)
    """A review is listed so many days before the day by which it has to be done."""
    leave_counts: bool = False
    """Whether a midnight on leave uses a unit."""
    certification: CertificationRule | None = None
    plan_days: Days | None = None
    """A plan of care is looked at again at most so many days after it was recorded, or sooner where it says so."""
    expected_days: Days | None = None
    """A stay that lasts so many days is looked at."""

    @model_validator(mode="after")
    def _in_order(self) -> PayerClock:
        if self.leave_counts and not self.level.traits.round_the_clock:
            raise PydanticCustomError("leave_counts", "only a 24-hour level has midnights")
        return self
