"""Service periods, the bill's raw material: opened, amended, closed, voided (contract 4)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import Admission, Code, Day, Identifier, PatientNumber, Published, Stay
from shared.events.levels import Level
from shared.events.stays import Coverage, Service


class BilledProgram(Published):
    """The program that gave the care, as site config has it."""

    id: Identifier | None = Field(default=None, description="program of site config")
    npi: Code | None = Field(default=None, description="National Provider Identifier")
    bill_type: Code | None = Field(
        default=None, description="type of bill without frequency, site config (13X, 76X, 85X)"
    )


class BilledAuthorization(Published):
    """An authorization with what was used of it."""

    number: Code | None = Field(default=None, description="the payer's number")
    begins: Day = Field(alias="from", description="first day")
    to: Day = Field(description="last day, inclusive")
    units_authorized: int | None = Field(default=None, ge=0, description="units approved")
    units_used: int = Field(default=0, ge=0, description="units burnt so far")


class BilledAdmission(Admission):
    """The beginning of the stay that the period belongs to."""

    at: AwareDatetime = Field(description="clinical time the stay began")


class Leave(Published):
    """Days away; `to` is the day of return, exclusive."""

    begins: Day = Field(alias="from", description="first day away")
    to: Day | None = Field(default=None, description="day of return, exclusive; absent while away")
    kind: Code = Field(description="therapeutic, medical, elopement, other")


class Diagnosis(Published):
    """A diagnosis code of the stay."""

    system: Code = Field(description="code system")
    code: Code = Field(description="code")
    rank: int = Field(ge=1, description="1 is principal")


class ServiceDay(Published):
    """One day with the services given on it."""

    date: Day = Field(description="facility's zone")
    services: tuple[Service, ...] = Field(default=(), description="what was given")


class SiteCode(Published):
    """A code from the site's own table (revenue, procedure)."""

    system: Code = Field(description="the site's name of the table")
    code: Code = Field(description="code")


class ServicePeriod(Published):
    """One stretch of one stay at one level, program and payer. For one period the last version is the truth.

    Dates are half-open [start_date, end_date) in the facility's zone (contract 4, Days).
    """

    period_id: Identifier = Field(description="stay and the first fact that began the stretch")
    version: int = Field(ge=1, description="1,2,3… without a gap; 1 is always opened")
    supersedes: Identifier | None = Field(default=None, description="period that this one takes the place of")
    changed: dict[str, tuple[Any, Any]] = Field(default_factory=dict, description="field: [before, after]")
    episode_id: Identifier = Field(description="the episode; the record's key")
    patient: PatientNumber | None = Field(default=None, description="MRN and who assigned it")
    stay: Stay = Field(description="the stay")
    visit_number: Identifier | None = Field(default=None, description="PV1-19")
    level: Level = Field(description="level of care")
    facility: Identifier = Field(description="facility")
    program: BilledProgram = Field(default=BilledProgram(), description="who gave the care")
    claim_form: Literal["institutional", "professional"] = Field(description="837I or 837P")
    payer: Identifier = Field(description="first payer; unknown before the first coverage")
    coverage: tuple[Coverage, ...] = Field(default=(), description="all payers in order")
    authorizations: tuple[BilledAuthorization, ...] = Field(default=(), description="those that cover the stretch")
    admission: BilledAdmission = Field(description="when the stay began, type and source")
    start_date: Day = Field(description="first day")
    end_date: Day | None = Field(default=None, description="day after the last; absent while open")
    discharged_at: AwareDatetime | None = Field(default=None, description="clinical time of the end, where it ended")
    patient_status: Code = Field(description="UB-04 FL17 by the site's table; 30 while the stay goes on")
    leave: tuple[Leave, ...] = Field(default=(), description="days away")
    diagnoses: tuple[Diagnosis, ...] = Field(default=(), description="by rank")
    attending_npi: Code | None = Field(default=None, description="attending's NPI")
    certifications: tuple[dict[str, Any], ...] = Field(default=(), description="initial and recertifications")
    days: tuple[ServiceDay, ...] = Field(default=(), description="attended days")
    codes: tuple[SiteCode, ...] = Field(default=(), description="from the site's own table")
    warnings: tuple[Code, ...] = Field(default=(), description="overlap, missing-authorization, …")
    reason: Code | None = Field(default=None, description="why this version")


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
