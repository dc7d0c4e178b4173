"""What the facts mean for the continuum, announced by placement and taken back by difference (contract 3.2)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.events.base import CareFact, Code, Identifier, Stay, Writer
from shared.events.levels import Level
from shared.events.published import always

ClosedReason = Literal["aftercare-closed", "deceased", "merged", "episode-ended"]


class Announcement(CareFact):
    """Derived from the fold; the fold never reads one."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class Step(Announcement):
    """The episode's level changed, by whichever door the change came."""

    from_level: Annotated[Level, Meta(description="level before")]
    to_level: Annotated[Level, Meta(description="level after")]
    from_stay: Annotated[Stay, Meta(description="stay that held the level before")]
    to_stay: Annotated[Stay, Meta(description="stay that holds it now")]
    days_between: Annotated[
        int, Meta(ge=0, description="whole days between the two, facility's zone; 0 when they touch")
    ]
    planned: Annotated[bool, Meta(description="a placement for it stood before")]
    reason: Annotated[Code | None, Meta(description="why a level was skipped, where the desk said so")] = None


class SteppedDown(Step):
    """To a less intensive level."""

    TYPE: ClassVar[str] = "stepped-down"


class SteppedUp(Step):
    """To a more intensive level."""

    TYPE: ClassVar[str] = "stepped-up"


class Readmitted(Announcement):
    """An inpatient stay began 1 to 30 days after a standing inpatient discharge."""

    TYPE: ClassVar[str] = "readmitted"
    days: Annotated[int, Meta(ge=1, le=30, description="days from the discharge to the admission, facility's zone")]
    discharge: Annotated[Identifier, Meta(description="ce_id of the discharge before")]
    other_facility: Annotated[bool | None, Meta(description="the discharge before was at another facility")] = None


class ConflictRaised(Announcement):
    """Two facts cannot both be so; a person settles which falls."""

    TYPE: ClassVar[str] = "conflict-raised"
    conflict_id: Annotated[Identifier, Meta(description="the same two facts give the same id")]
    facts: Annotated[tuple[Identifier, ...], Meta(description="ce_ids that contradict each other")]
    kind: Annotated[Code, Meta(description="attended-inside-24-hour-stay, two-24-hour-stays, …")]


class Closed(Announcement):
    """The episode is over."""

    TYPE: ClassVar[str] = "closed"
    reason: Annotated[ClosedReason, Meta(description="why")]


class Reopened(Announcement):
    """An admission after the end took the episode up again, within the site's limit."""

    TYPE: ClassVar[str] = "reopened"
    reason: Annotated[Code, Meta(description="what took it up again")] = always("admission")
