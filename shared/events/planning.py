"""Plans, certifications, who is in charge, and what a person decides about an episode as a whole (contract 3.3)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta, field
from msgspec.structs import force_setattr

from shared.events.base import CareFact, Code, Day, Disposition, Identifier, Instant, Stay, Writer
from shared.events.levels import Level
from shared.events.open_lists import Open, Role, read_as


class PlanningFact(CareFact):
    """What the desk and the clinicians of placement say."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class PlanRecorded(PlanningFact):
    """A plan of treatment, as far as anybody but the clinician needs it."""

    TYPE: ClassVar[str] = "plan-recorded"
    level: Annotated[Level, Meta(description="level planned for")]
    hours_week: Annotated[float, Meta(ge=0, le=168, description="hours a week")]
    days_week: Annotated[int, Meta(ge=0, le=7, description="days a week")]
    goals: Annotated[int, Meta(ge=0, description="number of goals")]
    review_due: Annotated[Day, Meta(description="day of the next review")]


class Certified(PlanningFact):
    """A physician certified that the level is needed; `stay` where it is about one, else about the whole episode."""

    TYPE: ClassVar[str] = "certified"
    kind: Annotated[Literal["initial", "recertification"], Meta(description="the first, or a later one")]
    begins: Annotated[Day, Meta(description="first day certified")] = field(name="from")
    to: Annotated[Day, Meta(description="last day certified, inclusive")]
    npi: Annotated[Code, Meta(description="who certified")]
    signed_at: Annotated[
        Instant | None, Meta(description="when it was signed; after the day on which it was due it is late")
    ] = None


class Assigned(PlanningFact):
    """Somebody is in charge of the patient from now on."""

    TYPE: ClassVar[str] = "assigned"
    user_id: Annotated[Identifier, Meta(description="the coordinator or therapist, by the id of sign-in")]
    role: Annotated[Open[Role], Meta(description="in charge of what")]

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "role", read_as(get_args(Role), self.role))


class EpisodeEnded(PlanningFact):
    """The desk ends the episode; without effect while a stay is open."""

    TYPE: ClassVar[str] = "episode-ended"
    reason: Annotated[Code, Meta(description="the site's code")]


class ConflictSettled(PlanningFact):
    """A person says which of the facts in a conflict fall."""

    TYPE: ClassVar[str] = "conflict-settled"
    conflict_id: Annotated[Identifier, Meta(description="as conflict-raised named it")]
    falls: Annotated[tuple[Identifier, ...], Meta(description="ce_ids that count no more; none: both are so")]


class DischargePlan(CareFact):
    """What the hospital expects of a stay's end (ADT A16, A25)."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    stay: Annotated[Stay, Meta(description="the stay")]


class DischargePlanned(DischargePlan):
    """The hospital expects to discharge."""

    TYPE: ClassVar[str] = "discharge-planned"
    expected_at: Annotated[
        Instant | None, Meta(description="expected discharge, PV2-9, else EVN-3; absent: no day was told")
    ] = None
    disposition: Annotated[Disposition | None, Meta(description="expected disposition, PV1-36")] = None


class DischargePlanCancelled(DischargePlan):
    """The hospital expects it no longer."""

    TYPE: ClassVar[str] = "discharge-plan-cancelled"
