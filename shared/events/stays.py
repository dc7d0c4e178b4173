"""What a hospital or a program says happened to a stay (contract 3.1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from pydantic import AwareDatetime, Field

from shared.events.base import (
    Admission,
    CareFact,
    Code,
    Day,
    Disposition,
    Identifier,
    PatientNumber,
    Place,
    Stay,
    Writer,
)
from shared.events.levels import Level
from shared.events.open_lists import OPEN, VisitClass
from shared.events.published import PublishedStruct, always

LeaveKind = Literal["therapeutic", "medical", "elopement", "other"]


class StayFact(CareFact):
    """A fact about one stay: it opens, changes or ends that one and no other (contract 3.6 rule 2)."""

    stay: Stay = Field(description="the one stay that this opens, changes or ends")


class Referred(CareFact):
    """Somebody asked for care; an episode may begin here, without any ADT."""

    TYPE: ClassVar[str] = "referred"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    source: Literal["hospital", "emergency", "self", "family", "primary-care", "court", "payer", "other"] = Field(
        description="who referred"
    )
    requested_level: Level | None = Field(default=None, description="the level of care that was asked for")
    needs: tuple[Code, ...] | None = Field(
        default=None, description="codes of what a program must have: wheelchair, spanish, medication-assisted, …"
    )


class VisitStarted(StayFact):
    """A visit without a level of care began (ADT A04 in an emergency unit, for one)."""

    TYPE: ClassVar[str] = "visit-started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    visit_class: Annotated[VisitClass, OPEN] = Field(alias="class", description="what kind of visit")
    unit: Identifier | None = Field(default=None, description="point of care, PV1-3.1")
    visit_number: Identifier | None = Field(default=None, description="PV1-19, else PID-18")
    patient: PatientNumber | None = Field(default=None, description="MRN and who assigned it, for billing")


class VisitEnded(StayFact):
    """A visit without a level of care ended."""

    TYPE: ClassVar[str] = "visit-ended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    visit_class: Annotated[VisitClass, OPEN] | None = Field(
        default=None, alias="class", description="what kind of visit it was"
    )
    disposition: Disposition | None = Field(default=None, description="PV1-36, by the site's table")


class Arrival(StayFact):
    """A stay that is expected; none begins by it, and the start of the same visit ends it."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    at: AwareDatetime = Field(description="when the patient is expected, PV2-8, else the event's time")
    unit: Identifier | None = Field(default=None, description="point of care expected, PV1-3.1")
    level: Level | None = Field(default=None, description="what the site maps the unit to")
    program: Identifier | None = Field(
        default=None, description="program of site config, where the unit belongs to one"
    )


class ArrivalExpected(Arrival):
    """The hospital expects the patient (ADT A05, A14, or PV1-2 `P`)."""

    TYPE: ClassVar[str] = "arrival-expected"


class ArrivalCancelled(Arrival):
    """The patient is expected no longer (ADT A38, A27)."""

    TYPE: ClassVar[str] = "arrival-cancelled"


class PatientDied(CareFact):
    """The patient died (PID-29, PID-30, a disposition, a person); stated for each episode (contract 3.6 rule 13)."""

    TYPE: ClassVar[str] = "patient-died"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    died_at: AwareDatetime | None = Field(default=None, description="when, PID-29; absent: not told")
    by: Literal["message", "person"] = Field(description="who told it")
    contradicted: bool | None = Field(
        default=None, description="the message that tells it says PID-30 `N` as well; a person decides"
    )


class Admitted(StayFact):
    """A stay at a level of care began (ADT A01, A06; HL7 v2.5.1 chapter 3.3.1)."""

    TYPE: ClassVar[str] = "admitted"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    level: Level = Field(description="what the site maps the unit to")
    visit_number: Identifier = Field(description="PV1-19, else PID-18, else the stay's id")
    unit: Identifier = Field(description="point of care, PV1-3.1")
    program: Identifier | None = Field(
        default=None, description="program of site config, where the unit belongs to one"
    )
    setting: Literal["withdrawal-management", "crisis-stabilization"] | None = Field(
        default=None, description="a special setting within the level"
    )
    admission: Admission = Field(default=Admission(), description="type and source of admission")
    age_years: int | None = Field(default=None, ge=0, le=150, description="age at the admission, whole years")
    patient: PatientNumber | None = Field(default=None, description="MRN and who assigned it, for billing")
    attending_npi: Code | None = Field(default=None, description="PV1-7, the attending's NPI")


class Started(StayFact):
    """The first day at a program."""

    TYPE: ClassVar[str] = "started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    placement_id: Identifier | None = Field(default=None, description="the placement that this start fulfils")
    level: Level = Field(description="level of the program")
    program: Identifier = Field(description="program of site config")
    unit: Identifier | None = Field(default=None, description="unit of the program")
    admission: Admission = Field(default=Admission(), description="type and source of admission")
    age_years: int | None = Field(default=None, ge=0, le=150, description="age at the start, whole years")


class Transferred(StayFact):
    """The stay moved to another unit; another level makes it a step (ADT A02, A06, A07)."""

    TYPE: ClassVar[str] = "transferred"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    origin: Place = Field(alias="from", description="unit, level and program before")
    to: Place = Field(description="unit, level and program after; no level: the visit goes on without one (A07)")


class LeaveStarted(StayFact):
    """The patient went on leave; the days are not billed (ADT A21)."""

    TYPE: ClassVar[str] = "leave-started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    kind: LeaveKind = Field(description="why")
    expected_return: AwareDatetime | None = Field(default=None, description="PV2-47")


class LeaveEnded(StayFact):
    """The patient came back from leave (ADT A22)."""

    TYPE: ClassVar[str] = "leave-ended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    kind: LeaveKind = Field(default="other", description="why the patient had been away")
    expected_return: AwareDatetime | None = Field(default=None, description="PV2-47")


class Discharged(StayFact):
    """The hospital ended a stay at a level (ADT A03)."""

    TYPE: ClassVar[str] = "discharged"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    level: Level = Field(description="level when it ended, as far as intake knows")
    disposition: Disposition = Field(default=Disposition(kind="unknown"), description="PV1-36, by the site's table")


class Completed(StayFact):
    """The patient completed the program."""

    TYPE: ClassVar[str] = "completed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    level: Level = Field(description="level of the program")
    reason: Code = Field(description="the site's code")


class Discontinued(StayFact):
    """The program stay ended before its goal."""

    TYPE: ClassVar[str] = "discontinued"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    level: Level = Field(description="level of the program")
    reason: Literal[
        "against-advice", "lost-contact", "administrative", "transferred-out", "incarcerated", "deceased", "other"
    ] = Field(description="why it ended")


class Service(PublishedStruct):
    """One service given on a day."""

    code: Annotated[Code | None, Meta(description="the site's own procedure code")] = None
    kind: Annotated[Code, Meta(description="individual, group, family, psychoeducation, medication, …")]
    units: Annotated[int, Meta(description="units as the code counts them", ge=0)] = always(1)
    minutes: Annotated[int, Meta(description="minutes", ge=0)] = always(0)
    mode: Annotated[Literal["in-person", "telehealth", "phone"], Meta(description="how it was given")] = always(
        "in-person"
    )
    npi: Annotated[Code | None, Meta(description="who gave it")] = None


class Attended(StayFact):
    """The patient was there on a day, with the services given."""

    TYPE: ClassVar[str] = "attended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    session_id: Identifier = Field(description="told twice is `already-told`")
    group: Identifier | None = Field(default=None, description="group of the program")
    date: Day = Field(description="the day, in the facility's zone")
    services: tuple[Service, ...] = Field(default=(), description="what was given")


class Absent(StayFact):
    """The patient was not there on a day."""

    TYPE: ClassVar[str] = "absent"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    session_id: Identifier = Field(description="told twice is `already-told`")
    date: Day = Field(description="the day, in the facility's zone")
    reason: Literal["no-show", "excused", "program-cancelled"] = Field(description="why")


class DiagnosisRecorded(StayFact):
    """A diagnosis of the stay (DG1)."""

    TYPE: ClassVar[str] = "diagnosis-recorded"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    system: Code = Field(description="code system, DG1-3.3")
    code: Code = Field(description="DG1-3.1")
    rank: int = Field(default=1, ge=1, description="1 is principal")
    status: Code = Field(default="unknown", description="DG1-6: admitting, working, final; unknown when not sent")


class Coverage(PublishedStruct):
    """One payer of a patient, in order."""

    order: Annotated[int, Meta(description="1 pays first", ge=1)]
    payer: Annotated[Identifier, Meta(description="payer of site config, IN1-3; unknown for one that it does not have")]
    plan: Annotated[Code | None, Meta(description="plan of site config, IN1-2; unknown likewise")] = None


class CoverageChanged(CareFact):
    """From a day on, these payers; it splits periods that go on over that day."""

    TYPE: ClassVar[str] = "coverage-changed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    effective_from: Day = Field(description="first day of this coverage, facility's zone")
    coverage: tuple[Coverage, ...] = Field(description="in order of payment")


class Merge(CareFact):
    """Two patients are one; stated once for each episode concerned (contract 3.6 rule 11)."""

    surviving_patient_id: Identifier = Field(description="the patient that stays")
    retired_patient_id: Identifier = Field(description="the patient that goes")
    surviving_episode_id: Identifier = Field(description="the episode that stays")
    retired_episode_id: Identifier | None = Field(default=None, description="the episode that goes, if it had one")
    patient: PatientNumber | None = Field(default=None, description="the surviving record number, where one was told")
    by: Literal["message", "person"] | None = Field(default=None, description="who said that they are one")


class PatientsMerged(Merge):
    """ADT A40 and its elders: the retired patient's facts are restated under the surviving one."""

    TYPE: ClassVar[str] = "patients-merged"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)


class PatientsUnmerged(Merge):
    """The merge was wrong: the copies are cancelled."""

    TYPE: ClassVar[str] = "patients-unmerged"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)


class Link(CareFact):
    """Two or more records that are told to be of one person; nothing moves."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    patient_ids: tuple[Identifier, ...] = Field(description="the patients; stated for each episode concerned")


class PatientsLinked(Link):
    """ADT A24."""

    TYPE: ClassVar[str] = "patients-linked"


class PatientsUnlinked(Link):
    """ADT A37."""

    TYPE: ClassVar[str] = "patients-unlinked"
