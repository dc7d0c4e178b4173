"""What every fact has in common, and the small parts that facts, bills and documents share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, TypedDict, get_args

from msgspec import Meta
from msgspec.structs import force_setattr
from pydantic import Field

from shared.events.levels import Level
from shared.events.open_lists import DispositionKind, Open, read_as
from shared.events.published import PublishedStruct, always

Writer = Literal["intake", "placement", "aftercare"]
StayKind = Literal["visit", "placement"]
Code = Annotated[str, Field(min_length=1, max_length=200), Meta(min_length=1, max_length=200)]
Day = date
Identifier = Annotated[str, Field(min_length=1, max_length=200), Meta(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0), Meta(ge=0)]
Years = Annotated[int, Field(ge=0, le=150), Meta(ge=0, le=150)]
Instant = Annotated[datetime, Meta(tz=True)]
"""A time with its offset; RFC 3339 on the wire."""


class Stay(PublishedStruct):
    """One uninterrupted presence: a hospital visit, or a placement at a program."""

    kind: Annotated[StayKind, Meta(description="visit: told by ADT; placement: told by a program")]
    id: Annotated[
        Identifier, Meta(description="visit: the visit number, `number#2` when it is used again; placement: its id")
    ]


class CareFact(PublishedStruct):
    """What every fact on care.events carries (contract 3).

    `occurred_at` is clinical time, `recorded_at` when we learnt it, `stated_at` when the sender said it.
    """

    TYPE: ClassVar[str]
    WRITERS: ClassVar[tuple[Writer, ...]]

    episode_id: Annotated[Identifier, Meta(description="the episode of care; also the record's key and ce_subject")]
    patient_id: Annotated[Identifier, Meta(description="Stepdown's id of the patient; never an MRN")]
    facility: Annotated[Identifier, Meta(description="the facility that this is about, as site config names it")]
    occurred_at: Annotated[Instant, Meta(description="when it happened (clinical time), RFC 3339 with offset")]
    recorded_at: Annotated[Instant, Meta(description="when the writer learnt it, RFC 3339 with offset")]
    labels: Annotated[
        tuple[str, ...], Meta(description="what the fact is about, for the consent gate: PSY, SUD, PART2")
    ] = always(())
    stay: Annotated[Stay | None, Meta(description="the one stay that this opens, changes or ends")] = None
    stated_at: Annotated[
        Instant | None, Meta(description="when the sender said it: EVN-2, else MSH-7, else arrival (intake's facts)")
    ] = None
    replaces: Annotated[
        Identifier | None, Meta(description="ce_id of the writer's own fact that this one restates")
    ] = None
    corroborates: Annotated[
        Identifier | None, Meta(description="ce_id of a start told first by another door: both are one stay")
    ] = None
    derived_from: Annotated[tuple[Identifier, ...], Meta(description="ce_ids that this was concluded from")] = always(
        ()
    )


class Heading(TypedDict):
    """What every fact has, by name, for a writer: `Referred(**heading, source="self")`."""

    episode_id: str
    patient_id: str
    facility: str
    occurred_at: datetime
    recorded_at: datetime


class LabelledHeading(Heading):
    """The same with the labels, where they are the episode's."""

    labels: tuple[str, ...]


def type_name(short: str) -> str:
    """`admitted` → `care.admitted.v1`, the ce_type on the wire."""
    return f"care.{short}.v1"


class PatientNumber(PublishedStruct):
    """The medical record number by which the facility knows the patient (PID-3)."""

    mrn: Annotated[Identifier, Meta(description="PID-3.1")]
    assigning_authority: Annotated[Identifier | None, Meta(description="PID-3.4")] = None


class Disposition(PublishedStruct):
    """How a stay ended: the code as the site's table has it, and what it means here (HL7 table 0112, UB-04 FL17)."""

    code: Annotated[
        Code | None,
        Meta(description="a code of the site's table; unknown for what is in none; absent when none was sent"),
    ] = None
    kind: Annotated[
        Open[DispositionKind], Meta(description="what the code means at this site; unknown is a valid outcome")
    ]
    patient_status: Annotated[
        Code | None, Meta(description="UB-04 FL17 by the site's table: two characters; absent where it says none")
    ] = None

    def __post_init__(self) -> None:
        """A kind that is new is read as `other`."""
        force_setattr(self, "kind", read_as(get_args(DispositionKind), self.kind))


class Admission(PublishedStruct):
    """Type and source of admission by the site's tables: UB-04 FL14 and FL15, or unknown for what is in none."""

    type: Annotated[Code | None, Meta(description="PV1-4 as FL14")] = None
    source: Annotated[Code | None, Meta(description="PV1-14 as FL15")] = None


class Place(PublishedStruct):
    """Where a stay is at a moment: unit and the level and program that the site maps it to."""

    unit: Annotated[Identifier | None, Meta(description="point of care, PV1-3.1")] = None
    level: Annotated[Level | None, Meta(description="absent for a unit without a level of care")] = None
    program: Annotated[Identifier | None, Meta(description="program of site config, where the unit belongs to one")] = (
        None
    )
