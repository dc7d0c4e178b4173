"""What is read alike in every resource: whose it is, which facility says it, and when it was said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TypeVar

from msgspec import Struct, structs

from services.intake.fhir.model import Clockwork, ResourceRules, ToldResource
from services.intake.fhir.people import ids_of, server_id
from services.intake.fhir.places import names_of
from services.intake.fhir.resources import PatientResource
from services.intake.hl7.fields import short
from services.intake.hl7.model import Adt, Moment, PatientId, Refused, Sender
from services.intake.hl7.timestamps import read_day
from shared.fhir.elements import Reference
from shared.fhir.reading import NotRead, read

Read = TypeVar("Read", bound=Struct)
FHIR = "FHIR"
"""The sending application of a resource whose message names none."""


def read_as(kind: type[Read], told: ToldResource) -> Read:
    """The resource as this type. Raises Refused where it is not of it."""
    return _read(kind, told.resource.raw, told.resource.kind)


def _read(kind: type[Read], raw: bytes, name: str) -> Read:
    try:
        return read(kind, raw, name)
    except NotRead as wrong:
        raise Refused("AE", wrong.status, wrong.expression or name, 0, wrong.text) from None


def patient_of(subject: Reference | None, told: ToldResource) -> PatientResource | None:
    """The Patient that a reference means, where it came too: also the only one of the Bundle, where there is no
    reference. Raises Refused for one that can't be read."""
    if told.resource.kind == "Patient":
        return read_as(PatientResource, told)
    found = told.resources.resolve(subject, told.resource.raw)
    if found is None and subject is None:
        every = list(told.resources.of("Patient"))
        found = every[0] if len(every) == 1 else None
    if found is None or found.kind != "Patient":
        return None
    return _read(PatientResource, found.raw, "Patient")


def patient_ids_of(
    patient: PatientResource | None, subject: Reference | None, told: ToldResource, facility: str, expression: str
) -> tuple[PatientId, ...]:
    """The patient's ids. Where none is told, the one under which the sender's server keeps the patient; of a Patient
    that is kept here, that one too. Raises Refused where there is none at all."""
    ids = ids_of(patient, subject)
    own = server_id(f"Patient/{told.own_id}", facility) if told.own_id and told.resource.kind == "Patient" else None
    own = own or (server_id(subject.reference if subject else None, facility) if not ids else None)
    ids += (own,) if own else ()
    if not ids:
        raise Refused("AE", 422, expression, 0, "there is no patient id")
    return ids


_SAYS_FACILITY = {
    "Encounter": "Encounter.serviceProvider",
    "Patient": "Patient.managingOrganization",
    "ServiceRequest": "ServiceRequest.performer",
    "Observation": "Observation.performer",
    "QuestionnaireResponse": "QuestionnaireResponse.author",
    "Consent": "Consent.organization",
}
"""Resource → the element that names its facility."""


def sender_of(names: Iterable[str], told: ToldResource, rules: ResourceRules) -> Sender:
    """Who says it: the first of these names that is a facility's, then of those that the message's header has, else the
    caller's own facility; a name that the site does not have is kept as it was sent. Raises Refused without any."""
    header = told.header
    every = [*names]
    if header is not None:
        every += [*names_of(header.responsible, told), *names_of(header.sender, told)]
        every += [one for one in (header.source.name, header.source.endpoint) if one] if header.source else []
    known = next((found for one in every if (found := rules.facility_named(one))), None)
    facility = known or told.facility or next(iter(every), None)
    if facility is None:
        raise Refused("AE", 422, _SAYS_FACILITY.get(told.resource.kind, told.resource.kind), 0, "there is no facility")
    return rules.sender(short(source_of(told)), short(facility), short(facility))


def source_of(told: ToldResource) -> str:
    """The system that sends it: MessageHeader.source."""
    source = told.header.source if told.header else None
    return (source.name or source.endpoint if source else None) or FHIR


def said(trigger: str, ids: tuple[PatientId, ...], told: ToldResource, clock: Clockwork, updated: str | None) -> Adt:
    """A message of this trigger, with who says it of whom and when: `updated` (meta.lastUpdated), else the Bundle's
    time, else arrival. Raises Refused where that lies too far ahead."""
    sent = clock.moment(told.timestamp, "Bundle.timestamp")
    place = f"{told.resource.kind}.meta.lastUpdated"
    stated = clock.moment(updated, place) or sent
    now = clock.not_ahead(stated, place) if stated else Moment(clock.arrived_at, clock.arrived_at)
    return Adt(
        trigger=trigger,
        control_id=short(told.control_id),
        sending_app=short(source_of(told)),
        sending_facility=clock.sender.facility,
        processing_id=next(iter(clock.sender.processing_ids), "P"),
        facility=clock.sender.facility,
        stated_at=now.start,
        occurred=now,
        occurred_from=place if stated else "arrival",
        event=now,
        sent_at=sent.start if sent else None,
        patient_ids=ids,
        charset="utf-8",
    )


def with_death(adt: Adt, patient: PatientResource | None, clock: Clockwork) -> Adt:
    """The message with what Patient.deceased says."""
    if patient is None:
        return adt
    died = clock.moment(patient.deceased_date_time, "Patient.deceasedDateTime")
    dead = bool(patient.deceased_boolean) or died is not None
    if not dead and patient.deceased_boolean is None:
        return adt
    return structs.replace(adt, deceased=dead, death="Y" if dead else "N", died=died)


def age(patient: PatientResource | None, at: datetime, zone: tzinfo) -> int | None:
    """Whole years on the day of `at` in the facility's zone; None where no whole birth date is told, or none that can
    be."""
    day, on = read_day(patient.birth_date or "") if patient else None, at.astimezone(zone).date()
    if day is None or day > on:
        return None
    years = on.year - day.year - ((on.month, on.day) < (day.month, day.day))
    return years if years <= 150 else None
