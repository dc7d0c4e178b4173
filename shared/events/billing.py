"""Service periods, the bill's raw material: opened, amended, closed, voided (contract 4)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field

from shared.events.base import Admission, Code, Count, Day, Identifier, Instant, PatientNumber, Stay
from shared.events.levels import Level
from shared.events.published import PublishedStruct, always
from shared.events.stays import Coverage, Service


class BilledProgram(PublishedStruct):
    """The program that gave the care, as site config has it."""

    id: Annotated[Identifier | None, Meta(description="program of site config")] = None
    npi: Annotated[Code | None, Meta(description="National Provider Identifier")] = None
    bill_type: Annotated[
        Code | None, Meta(description="type of bill without frequency, site config (13X, 76X, 85X)")
    ] = None


class BilledAuthorization(PublishedStruct):
    """An authorization with what was used of it."""

    number: Annotated[Code | None, Meta(description="the payer's number")] = None
    begins: Annotated[Day, Meta(description="first day")] = field(name="from")
    to: Annotated[Day, Meta(description="last day, inclusive")]
    units_authorized: Annotated[Count | None, Meta(description="units approved")] = None
    units_used: Annotated[int, Meta(ge=0, description="units burnt so far")] = always(0)
    as_of: Annotated[
        Day | None,
        Meta(description="of a 24-hour period that goes on: `units_used` are the midnights before this day"),
    ] = None


class BilledAdmission(Admission):
    """The beginning of the stay that the period belongs to."""

    at: Annotated[Instant, Meta(description="clinical time the stay began")]


class Leave(PublishedStruct):
    """Days away; `to` is the day of return, exclusive."""

    begins: Annotated[Day, Meta(description="first day away")] = field(name="from")
    to: Annotated[Day | None, Meta(description="day of return, exclusive; absent while away")] = None
    kind: Annotated[Code, Meta(description="therapeutic, medical, elopement, other")]


DiagnosisType = Literal["principal", "admitting", "other"]


class Diagnosis(PublishedStruct):
    """A diagnosis code of the stay."""

    system: Annotated[Code, Meta(description="code system")]
    code: Annotated[Code, Meta(description="code")]
    rank: Annotated[int, Meta(ge=1, description="1 is principal")]
    type: Annotated[
        DiagnosisType | None,
        Meta(description="what it is on a claim, by DG1-15 and DG1-6; absent on what an earlier release sent"),
    ] = None


class ServiceDay(PublishedStruct):
    """One day with the services given on it."""

    date: Annotated[Day, Meta(description="facility's zone")]
    services: Annotated[tuple[Service, ...], Meta(description="what was given")] = always(())


class SiteCode(PublishedStruct):
    """A code from the site's own table (revenue, procedure, occurrence span, value)."""

    system: Annotated[Code, Meta(description="the site's name of the table")]
    code: Annotated[Code, Meta(description="code")]
    begins: Annotated[Day | None, Meta(description="first day, where the code is of days")] = field(
        name="from", default=None
    )
    to: Annotated[Day | None, Meta(description="last day, inclusive; absent while they go on")] = None
    value: Annotated[Code | None, Meta(description="amount or value that the site's table gives")] = None


class PeriodContent(PublishedStruct):
    """What a stretch of one stay comes to on a bill: at one level, program and payer.

    Dates are half-open [start_date, end_date) in the facility's zone (contract 4, Days).
    """

    episode_id: Annotated[Identifier, Meta(description="the episode; the record's key")]
    patient: Annotated[PatientNumber | None, Meta(description="MRN and who assigned it")] = None
    patient_id: Annotated[
        Identifier | None,
        Meta(description="Stepdown's id of the patient; absent on what an earlier release sent"),
    ] = None
    stay: Annotated[Stay, Meta(description="the stay")]
    visit_number: Annotated[Identifier | None, Meta(description="PV1-19")] = None
    level: Annotated[Level, Meta(description="level of care")]
    facility: Annotated[Identifier, Meta(description="facility")]
    program: Annotated[BilledProgram, Meta(description="who gave the care")] = always(BilledProgram())
    claim_form: Annotated[Literal["institutional", "professional"], Meta(description="837I or 837P")]
    payer: Annotated[Identifier, Meta(description="first payer; unknown before the first coverage")]
    coverage: Annotated[tuple[Coverage, ...], Meta(description="all payers in order")] = always(())
    authorizations: Annotated[tuple[BilledAuthorization, ...], Meta(description="those that cover the stretch")] = (
        always(())
    )
    admission: Annotated[BilledAdmission, Meta(description="when the stay began, type and source")]
    start_date: Annotated[Day, Meta(description="first day")]
    end_date: Annotated[Day | None, Meta(description="day after the last; absent while open")] = None
    discharged_at: Annotated[Instant | None, Meta(description="clinical time of the end, where it ended")] = None
    patient_status: Annotated[Code, Meta(description="UB-04 FL17 by the site's table; 30 while the stay goes on")]
    leave: Annotated[tuple[Leave, ...], Meta(description="days away")] = always(())
    diagnoses: Annotated[tuple[Diagnosis, ...], Meta(description="by rank")] = always(())
    attending_npi: Annotated[Code | None, Meta(description="attending's NPI")] = None
    certifications: Annotated[tuple[dict[str, Any], ...], Meta(description="initial and recertifications")] = always(())
    days: Annotated[tuple[ServiceDay, ...], Meta(description="attended days")] = always(())
    codes: Annotated[tuple[SiteCode, ...], Meta(description="from the site's own table")] = always(())
    warnings: Annotated[tuple[Code, ...], Meta(description="overlap, missing-authorization, …")] = always(())


class ServicePeriod(PeriodContent):
    """One stretch of one stay at one level, program and payer. For one period the last version is the truth.

    Dates are half-open [start_date, end_date) in the facility's zone (contract 4, Days).
    """

    TYPE: ClassVar[str]

    period_id: Annotated[Identifier, Meta(description="stay and the first fact that began the stretch")]
    version: Annotated[int, Meta(ge=1, description="1,2,3… without a gap; 1 is always opened")]
    supersedes: Annotated[Identifier | None, Meta(description="period that this one takes the place of")] = None
    changed: Annotated[dict[str, tuple[Any, Any]], Meta(description="field: [before, after]")] = always({})
    reason: Annotated[Code | None, Meta(description="why this version")] = None


class PeriodOpened(ServicePeriod):
    """Version 1."""

    TYPE: ClassVar[str] = "service-period-opened"


class PeriodAmended(ServicePeriod):
    """Something about it changed; `changed` says what."""

    TYPE: ClassVar[str] = "service-period-amended"


class PeriodClosed(ServicePeriod):
    """It has an end now."""

    TYPE: ClassVar[str] = "service-period-closed"


class PeriodVoided(ServicePeriod):
    """It was never so; final."""

    TYPE: ClassVar[str] = "service-period-voided"


def billing_type(short: str) -> str:
    """`service-period-opened` → `billing.service-period-opened.v1`."""
    return f"billing.{short}.v1"
