"""Rows of aftercare's lists → Task, Appointment, CarePlan. Pure.

A referral is a Task by the states of BSeR and IHE 360X, which are in businessStatus; so is a follow-up window.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.aftercare.worklists.entries import AppointmentEntry, PlanEntry, ReferralEntry
from services.aftercare.worklists.listed import ListedEntry, ListedRow, ListedWindow
from shared.fhir.elements import CodeableConcept, Coding, Identifier, Period, Reference
from shared.fhir.resources import Activity, Appointment, Attending, CarePlan, Resource, Restriction, Task

OURS = "urn:stepdown:"
LETTER = "a-"
"""What the ids of this service begin with, at the one base of FHIR."""
REFERRAL_STATUS: Final[Mapping[str, str]] = {
    "referred": "requested",
    "received": "received",
    "accepted": "accepted",
    "scheduled": "in-progress",
    "no-show": "on-hold",
    "cancellation-requested": "on-hold",
    "declined": "rejected",
    "cancelled": "cancelled",
    "completed": "completed",
}
"""State of a referral → Task.status (BSeR, IHE 360X); businessStatus has the state."""
WINDOW_STATUS: Final[Mapping[str, str]] = {
    "due": "ready",
    "kept": "completed",
    "missed": "failed",
    "excluded": "cancelled",
}
"""State of a follow-up window → Task.status."""
APPOINTMENT_STATUS: Final[Mapping[str, str]] = {
    "scheduled": "booked",
    "kept": "fulfilled",
    "missed": "noshow",
    "cancelled": "cancelled",
}
"""State of an appointment → Appointment.status."""
PLAN_STATUS: Final[Mapping[str, str]] = {
    "active": "active",
    "in-care": "on-hold",
    "over": "completed",
    "closed": "revoked",
}
"""State of a plan → CarePlan.status."""
LASTS: Final = timedelta(minutes=30)
"""How long an appointment is said to last: FHIR asks for an end, and nobody tells one."""


def resource_of(row: ListedRow, zone: ZoneInfo) -> Resource:
    """The resource of a row; `zone`: its facility's."""
    if isinstance(row, ListedWindow):
        return _window(row, zone)
    match row.value:
        case ReferralEntry():
            return _referral(row, row.value, zone)
        case AppointmentEntry():
            return _appointment(row, row.value)
        case PlanEntry():
            return _plan(row, row.value)
    raise ValueError(f"entries of the kind {row.kind} are no resources")


def _own(kind: str, own_id: str) -> tuple[Identifier, ...]:
    return (Identifier(system=OURS + kind, value=own_id),)


def _ours(what: str, code: str) -> CodeableConcept:
    return CodeableConcept(coding=(Coding(system=OURS + what, code=code),))


def to(kind: str, own_id: str) -> Reference:
    """A reference to a resource of this service."""
    return Reference(reference=f"{kind}/{LETTER}{own_id}")


def _patient(row: ListedRow) -> Reference:
    return Reference(reference=f"Patient/{row.patient_id}")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _midnight(on: date, zone: ZoneInfo) -> str:
    return _instant(datetime(on.year, on.month, on.day, tzinfo=zone))


def _window(row: ListedWindow, zone: ZoneInfo) -> Task:
    """A Task of the facility: somebody is to see the patient between two days."""
    days = Period(start=_midnight(row.due_from, zone), end=_midnight(row.due_to + timedelta(days=1), zone))
    return Task(
        id=LETTER + row.id,
        identifier=_own("follow-up", row.id),
        status=WINDOW_STATUS[row.state],
        status_reason=_ours("reason", row.reason) if row.reason else None,
        business_status=_ours("follow-up", row.state),
        intent="order",
        code=CodeableConcept(coding=(
            Coding(system=OURS + "task", code="follow-up"), Coding(system=OURS + "measure", code=row.measure),
        )),
        for_patient=_patient(row),
        execution_period=Period(end=_instant(row.kept_at)) if row.kept_at else None,
        requester=Reference(display=row.facility),
        restriction=Restriction(period=days),
    )  # fmt: skip


def _referral(row: ListedEntry, told: ReferralEntry, zone: ZoneInfo) -> Task:
    """A Task of a provider: to go on caring for the patient. Each move is one of the closed loop."""
    last = told.history[-1] if told.history else None
    due = Restriction(period=Period(end=_midnight(told.due_by + timedelta(days=1), zone))) if told.due_by else None
    reason = last.reason if last and last.reason else told.stopped
    return Task(
        id=LETTER + row.id,
        identifier=_own("referral", row.id),
        based_on=(to("CarePlan", told.plan_id),) if told.plan_id else (),
        status=REFERRAL_STATUS[row.state],
        status_reason=_ours("reason", reason) if reason else None,
        business_status=_ours("referral", row.state),
        intent="order",
        code=CodeableConcept(coding=(
            Coding(system=OURS + "task", code="referral"), Coding(system=OURS + "referral-kind", code=told.kind),
        )),
        for_patient=_patient(row),
        authored_on=_instant(told.referred_at),
        last_modified=_instant(last.at if last else told.referred_at),
        requester=Reference(display=row.facility),
        owner=Reference(display=told.provider) if told.provider else None,
        restriction=due,
    )  # fmt: skip


def _appointment(row: ListedEntry, told: AppointmentEntry) -> Appointment:
    return Appointment(
        id=LETTER + row.id,
        identifier=_own("appointment", row.id),
        status=APPOINTMENT_STATUS[row.state],
        service_type=(_ours("mode", told.mode),),
        start=_instant(told.at),
        end=_instant(told.at + LASTS),
        participant=(Attending(actor=_patient(row), status="accepted"),),
    )


def _plan(row: ListedEntry, told: PlanEntry) -> CarePlan:
    return CarePlan(
        id=LETTER + row.id,
        identifier=_own("plan", row.id),
        status=PLAN_STATUS[row.state],
        intent="plan",
        title=told.template,
        subject=_patient(row),
        period=Period(start=_instant(told.started_at)),
        activity=tuple(Activity(reference=to("Task", each)) for each in told.referrals),
    )
