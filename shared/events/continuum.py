"""What the facts mean for the continuum, announced by placement and taken back by difference (contract 3.2)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CareFact, Code, Identifier, Stay, Writer
from shared.events.levels import Level


class Announcement(CareFact):
    """Derived from the fold; the fold never reads one."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class Step(Announcement):
    """The episode's level changed, by whichever door the change came."""

    from_level: Level = Field(description="level before")
    to_level: Level = Field(description="level after")
    from_stay: Stay = Field(description="stay that held the level before")
    to_stay: Stay = Field(description="stay that holds it now")
    days_between: int = Field(ge=0, description="whole days between the two, facility's zone; 0 when they touch")
    planned: bool = Field(description="a placement for it stood before")
    reason: Code | None = Field(default=None, description="why a level was skipped, where the desk said so")


class SteppedDown(Step):
    """To a less intensive level."""

    TYPE: ClassVar[str] = "stepped-down"


class SteppedUp(Step):
    """To a more intensive level."""

    TYPE: ClassVar[str] = "stepped-up"


class Readmitted(Announcement):
    """An inpatient stay began 1 to 30 days after a standing inpatient discharge."""

    TYPE: ClassVar[str] = "readmitted"
    days: int = Field(ge=1, le=30, description="days from the discharge to the admission, facility's zone")
    discharge: Identifier = Field(description="ce_id of the discharge before")
    other_facility: bool | None = Field(default=None, description="the discharge before was at another facility")


class ConflictRaised(Announcement):
    """Two facts cannot both be so; a person settles which falls."""

    TYPE: ClassVar[str] = "conflict-raised"
    conflict_id: Identifier = Field(description="the same two facts give the same id")
    facts: tuple[Identifier, ...] = Field(description="ce_ids that contradict each other")
    kind: Code = Field(description="attended-inside-24-hour-stay, two-24-hour-stays, …")


class Closed(Announcement):
    """The episode is over."""

    TYPE: ClassVar[str] = "closed"
    reason: Literal["aftercare-closed", "deceased", "merged", "episode-ended"] = Field(description="why")


class Reopened(Announcement):
    """An admission after the end took the episode up again, within the site's limit."""

    TYPE: ClassVar[str] = "reopened"
    reason: Code = Field(default="admission", description="what took it up again")
