"""Plans, certifications, who is in charge, and what a person decides about an episode as a whole (contract 3.3)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import CareFact, Code, Day, Disposition, Identifier, Stay, Writer
from shared.events.levels import Level
from shared.events.open_lists import OPEN, Role


class PlanningFact(CareFact):
    """What the desk and the clinicians of placement say."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class PlanRecorded(PlanningFact):
    """A plan of treatment, as far as anybody but the clinician needs it."""

    TYPE: ClassVar[str] = "plan-recorded"
    level: Level = Field(description="level planned for")
    hours_week: float = Field(ge=0, le=168, description="hours a week")
    days_week: int = Field(ge=0, le=7, description="days a week")
    goals: int = Field(ge=0, description="number of goals")
    review_due: Day = Field(description="day of the next review")


class Certified(PlanningFact):
    """A physician certified that the level is needed; `stay` where it is about one, else about the whole episode."""

    TYPE: ClassVar[str] = "certified"
    kind: Literal["initial", "recertification"] = Field(description="the first, or a later one")
    begins: Day = Field(alias="from", description="first day certified")
    to: Day = Field(description="last day certified, inclusive")
    npi: Code = Field(description="who certified")


class Assigned(PlanningFact):
    """Somebody is in charge of the patient from now on."""

    TYPE: ClassVar[str] = "assigned"
    user_id: Identifier = Field(description="the coordinator or therapist, by the id of sign-in")
    role: Annotated[Role, OPEN] = Field(description="in charge of what")


class EpisodeEnded(PlanningFact):
    """The desk ends the episode; without effect while a stay is open."""

    TYPE: ClassVar[str] = "episode-ended"
    reason: Code = Field(description="the site's code")


class ConflictSettled(PlanningFact):
    """A person says which of the facts in a conflict fall."""

    TYPE: ClassVar[str] = "conflict-settled"
    conflict_id: Identifier = Field(description="as conflict-raised named it")
    falls: tuple[Identifier, ...] = Field(description="ce_ids that count no more; none: both are so")


class DischargePlan(CareFact):
    """What the hospital expects of a stay's end (ADT A16, A25)."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    stay: Stay = Field(description="the stay")


class DischargePlanned(DischargePlan):
    """The hospital expects to discharge."""

    TYPE: ClassVar[str] = "discharge-planned"
    expected_at: AwareDatetime | None = Field(
        default=None, description="expected discharge, PV2-9, else EVN-3; absent: no day was told"
    )
    disposition: Disposition | None = Field(default=None, description="expected disposition, PV1-36")


class DischargePlanCancelled(DischargePlan):
    """The hospital expects it no longer."""

    TYPE: ClassVar[str] = "discharge-plan-cancelled"
