"""What a hospital or a program says happened to a stay (contract 3.1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta, field
from msgspec.structs import force_setattr

from shared.events.base import (
    Admission,
    CareFact,
    Code,
    Day,
    Disposition,
    Identifier,
    Instant,
    PatientNumber,
    Place,
    Stay,
    Writer,
    Years,
)
from shared.events.levels import Level
from shared.events.open_lists import Open, VisitClass, read_as
from shared.events.published import PublishedStruct, always

LeaveKind = Literal["therapeutic", "medical", "elopement", "other"]


class StayFact(CareFact):
    """A fact about one stay: it opens, changes or ends that one and no other (contract 3.6 rule 2)."""

    stay: Annotated[Stay, Meta(description="the one stay that this opens, changes or ends")]


class Referred(CareFact):
    """Somebody asked for care; an episode may begin here, without any ADT."""

    TYPE: ClassVar[str] = "referred"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    source: Annotated[
        Literal["hospital", "emergency", "self", "family", "primary-care", "court", "payer", "other"],
        Meta(description="who referred"),
    ]
    requested_level: Annotated[Level | None, Meta(description="the level of care that was asked for")] = None
    needs: Annotated[
        tuple[Code, ...] | None,
        Meta(description="needs of the site's vocabulary: `transport`, `language:es`; `unknown`: it has none for it"),
    ] = None


class VisitStarted(StayFact):
    """A visit without a level of care began (ADT A04 in an emergency unit, for one)."""

    TYPE: ClassVar[str] = "visit-started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    visit_class: Annotated[Open[VisitClass], Meta(description="what kind of visit")] = field(name="class")
    unit: Annotated[Identifier | None, Meta(description="point of care, PV1-3.1")] = None
    visit_number: Annotated[Identifier | None, Meta(description="PV1-19, else PID-18")] = None
    patient: Annotated[PatientNumber | None, Meta(description="MRN and who assigned it, for billing")] = None
    admission: Annotated[
        Admission | None, Meta(description="type and source of admission, of a visit that is a day of a program's stay")
    ] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "visit_class", read_as(get_args(VisitClass), self.visit_class))


class VisitEnded(StayFact):
    """A visit without a level of care ended."""

    TYPE: ClassVar[str] = "visit-ended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    visit_class: Annotated[Open[VisitClass] | None, Meta(description="what kind of visit it was")] = field(
        name="class", default=None
    )
    disposition: Annotated[Disposition | None, Meta(description="PV1-36, by the site's table")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "visit_class", read_as(get_args(VisitClass), self.visit_class))


class Arrival(StayFact):
    """A stay that is expected; none begins by it, and the start of the same visit ends it."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    at: Annotated[Instant, Meta(description="when the patient is expected, PV2-8, else the event's time")]
    unit: Annotated[Identifier | None, Meta(description="point of care expected, PV1-3.1")] = None
    level: Annotated[Level | None, Meta(description="what the site maps the unit to")] = None
    program: Annotated[Identifier | None, Meta(description="program of site config, where the unit belongs to one")] = (
        None
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
    died_at: Annotated[Instant | None, Meta(description="when, PID-29; absent: not told")] = None
    by: Annotated[Literal["message", "person"], Meta(description="who told it")]
    contradicted: Annotated[
        bool | None, Meta(description="the message that tells it says PID-30 `N` as well; a person decides")
    ] = None


class Admitted(StayFact):
    """A stay at a level of care began (ADT A01, A06; HL7 v2.5.1 chapter 3.3.1)."""

    TYPE: ClassVar[str] = "admitted"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    level: Annotated[Level, Meta(description="what the site maps the unit to")]
    visit_number: Annotated[Identifier, Meta(description="PV1-19, else PID-18, else the stay's id")]
    unit: Annotated[Identifier, Meta(description="point of care, PV1-3.1")]
    program: Annotated[Identifier | None, Meta(description="program of site config, where the unit belongs to one")] = (
        None
    )
    setting: Annotated[
        Literal["withdrawal-management", "crisis-stabilization"] | None,
        Meta(description="a special setting within the level"),
    ] = None
    admission: Annotated[Admission, Meta(description="type and source of admission")] = always(Admission())
    age_years: Annotated[Years | None, Meta(description="age at the admission, whole years")] = None
    patient: Annotated[PatientNumber | None, Meta(description="MRN and who assigned it, for billing")] = None
    attending_npi: Annotated[Code | None, Meta(description="PV1-7, the attending's NPI")] = None


class Started(StayFact):
    """The first day at a program."""

    TYPE: ClassVar[str] = "started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    placement_id: Annotated[Identifier | None, Meta(description="the placement that this start fulfils")] = None
    level: Annotated[Level, Meta(description="level of the program")]
    program: Annotated[Identifier, Meta(description="program of site config")]
    unit: Annotated[Identifier | None, Meta(description="unit of the program")] = None
    admission: Annotated[Admission, Meta(description="type and source of admission")] = always(Admission())
    age_years: Annotated[Years | None, Meta(description="age at the start, whole years")] = None


class Transferred(StayFact):
    """The stay moved to another unit; another level makes it a step (ADT A02, A06, A07)."""

    TYPE: ClassVar[str] = "transferred"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    origin: Annotated[Place, Meta(description="unit, level and program before")] = field(name="from")
    to: Annotated[
        Place, Meta(description="unit, level and program after; no level: the visit goes on without one (A07)")
    ]


class LeaveStarted(StayFact):
    """The patient went on leave; the days are not billed (ADT A21)."""

    TYPE: ClassVar[str] = "leave-started"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    kind: Annotated[LeaveKind, Meta(description="why")]
    expected_return: Annotated[Instant | None, Meta(description="PV2-47")] = None


class LeaveEnded(StayFact):
    """The patient came back from leave (ADT A22)."""

    TYPE: ClassVar[str] = "leave-ended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    kind: Annotated[LeaveKind, Meta(description="why the patient had been away")] = always("other")
    expected_return: Annotated[Instant | None, Meta(description="PV2-47")] = None


class Discharged(StayFact):
    """The hospital ended a stay at a level (ADT A03)."""

    TYPE: ClassVar[str] = "discharged"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    level: Annotated[Level, Meta(description="level when it ended, as far as intake knows")]
    disposition: Annotated[Disposition, Meta(description="PV1-36, by the site's table")] = always(
        Disposition(kind="unknown")
    )


class Completed(StayFact):
    """The patient completed the program."""

    TYPE: ClassVar[str] = "completed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    level: Annotated[Level, Meta(description="level of the program")]
    reason: Annotated[Code, Meta(description="the site's code")]


class Discontinued(StayFact):
    """The program stay ended before its goal."""

    TYPE: ClassVar[str] = "discontinued"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    level: Annotated[Level, Meta(description="level of the program")]
    reason: Annotated[
        Literal[
            "against-advice", "lost-contact", "administrative", "transferred-out", "incarcerated", "deceased", "other"
        ],
        Meta(description="why it ended"),
    ]


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
    session_id: Annotated[Identifier, Meta(description="told twice is `already-told`")]
    group: Annotated[Identifier | None, Meta(description="group of the program")] = None
    date: Annotated[Day, Meta(description="the day, in the facility's zone")]
    services: Annotated[tuple[Service, ...], Meta(description="what was given")] = always(())


class Absent(StayFact):
    """The patient was not there on a day."""

    TYPE: ClassVar[str] = "absent"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    session_id: Annotated[Identifier, Meta(description="told twice is `already-told`")]
    date: Annotated[Day, Meta(description="the day, in the facility's zone")]
    reason: Annotated[Literal["no-show", "excused", "program-cancelled"], Meta(description="why")]


class DiagnosisRecorded(StayFact):
    """A diagnosis of the stay (DG1)."""

    TYPE: ClassVar[str] = "diagnosis-recorded"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    system: Annotated[Code, Meta(description="code system, DG1-3.3")]
    code: Annotated[Code, Meta(description="DG1-3.1")]
    rank: Annotated[int, Meta(ge=1, description="1 is principal")] = always(1)
    status: Annotated[Code, Meta(description="DG1-6: admitting, working, final; unknown when not sent")] = always(
        "unknown"
    )


class Coverage(PublishedStruct):
    """One payer of a patient, in order."""

    order: Annotated[int, Meta(description="1 pays first", ge=1)]
    payer: Annotated[Identifier, Meta(description="payer of site config, IN1-3; unknown for one that it does not have")]
    plan: Annotated[Code | None, Meta(description="plan of site config, IN1-2; unknown likewise")] = None


class CoverageChanged(CareFact):
    """From a day on, these payers; it splits periods that go on over that day."""

    TYPE: ClassVar[str] = "coverage-changed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement")
    effective_from: Annotated[Day, Meta(description="first day of this coverage, facility's zone")]
    coverage: Annotated[tuple[Coverage, ...], Meta(description="in order of payment")]


class Merge(CareFact):
    """Two patients are one; stated once for each episode concerned (contract 3.6 rule 11)."""

    surviving_patient_id: Annotated[Identifier, Meta(description="the patient that stays")]
    retired_patient_id: Annotated[Identifier, Meta(description="the patient that goes")]
    surviving_episode_id: Annotated[Identifier, Meta(description="the episode that stays")]
    retired_episode_id: Annotated[Identifier | None, Meta(description="the episode that goes, if it had one")] = None
    patient: Annotated[PatientNumber | None, Meta(description="the surviving record number, where one was told")] = None
    by: Annotated[Literal["message", "person"] | None, Meta(description="who said that they are one")] = None


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
    patient_ids: Annotated[tuple[Identifier, ...], Meta(description="the patients; stated for each episode concerned")]


class PatientsLinked(Link):
    """ADT A24."""

    TYPE: ClassVar[str] = "patients-linked"


class PatientsUnlinked(Link):
    """ADT A37."""

    TYPE: ClassVar[str] = "patients-unlinked"
