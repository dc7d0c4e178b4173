"""Plans, certifications, who is in charge, and what a person decides about an episode as a whole (contract 3.3)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta, field
from msgspec.structs import force_setattr

from shared.events.base import CareFact, Code, Count, Day, Disposition, Identifier, Instant, Stay, Writer
from shared.events.levels import Level
from shared.events.open_lists import Open, Role, WaitingFor, read_as
from shared.events.published import always


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


class MedicationRecorded(PlanningFact):
    """A medication that goes on after the stay, as it is handed over; told again it takes the place of what was told
    before of the same code."""

    TYPE: ClassVar[str] = "medication-recorded"
    system: Annotated[Code, Meta(description="code system: RXNORM, NDC, or the site's own")]
    code: Annotated[Code, Meta(description="the medication in that system")]
    status: Annotated[Literal["active", "stopped"], Meta(description="whether it goes on")] = always("active")
    prescriber_npi: Annotated[Code | None, Meta(description="who prescribes it from now on")] = None
    last_given: Annotated[Day | None, Meta(description="day of the last dose")] = None
    next_due: Annotated[Day | None, Meta(description="day by which the next dose or supply is needed")] = None
    days_in_hand: Annotated[Count | None, Meta(description="days of supply that the patient has")] = None


class EpisodeEnded(PlanningFact):
    """The desk ends the episode; without effect while a stay is open."""

    TYPE: ClassVar[str] = "episode-ended"
    reason: Annotated[Code, Meta(description="the site's code")]


class ConflictSettled(PlanningFact):
    """A person says which of the facts in a conflict fall."""

    TYPE: ClassVar[str] = "conflict-settled"
    conflict_id: Annotated[Identifier, Meta(description="as conflict-raised named it")]
    falls: Annotated[tuple[Identifier, ...], Meta(description="ce_ids that count no more; none: both are so")]


class ReadyForStep(PlanningFact):
    """Somebody says that the patient may step down from this stay, and what that still waits for; the latest one of a
    stay counts."""

    TYPE: ClassVar[str] = "ready-for-step"
    stay: Annotated[Stay, Meta(description="the stay that the patient is ready to leave")]
    at: Annotated[Instant, Meta(description="since when the patient is ready, and waits for this")]
    waiting_for: Annotated[Open[WaitingFor] | None, Meta(description="absent: it waits for nothing")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "waiting_for", read_as(get_args(WaitingFor), self.waiting_for))


class DischargePlan(CareFact):
    """What is expected of a stay's end: by the hospital (ADT A16, A25, PV2-9), or by a person of placement's desk."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    stay: Annotated[Stay, Meta(description="the stay")]


class DischargePlanned(DischargePlan):
    """The patient is expected to leave."""

    TYPE: ClassVar[str] = "discharge-planned"
    expected_at: Annotated[
        Instant | None,
        Meta(description="expected discharge: PV2-9, else EVN-3, or a person's; absent: no day was told"),
    ] = None
    disposition: Annotated[Disposition | None, Meta(description="expected disposition, PV1-36")] = None


class DischargePlanCancelled(DischargePlan):
    """It is expected no longer."""

    TYPE: ClassVar[str] = "discharge-plan-cancelled"
