"""A Patient, a Coverage or a Condition told alone → what an A31 or A08 says of the same.

A Patient tells who somebody is. A Coverage or a Condition is of the visit that its Encounter names by a number; else of
the patient's visit that is open when it is said.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import structs

from services.intake.fhir import codes
from services.intake.fhir.common import age, patient_ids_of, patient_of, read_as, said, sender_of, with_death
from services.intake.fhir.groups import NOT_SO, coded, payers
from services.intake.fhir.model import Clockwork, ReadResource, ResourceRules, ToldResource
from services.intake.fhir.people import person_of
from services.intake.fhir.places import names_of
from services.intake.fhir.resources import Condition, Coverage, PatientResource
from services.intake.hl7.fields import short
from services.intake.hl7.model import Adt, DiagnosisChange, Refused
from services.intake.hl7.triggers import CONDITION, COVERAGE, PATIENT
from shared.fhir.elements import Meta, Reference


def read_patient(told: ToldResource, rules: ResourceRules, arrived_at: datetime) -> ReadResource:
    """What a Patient says. Raises Refused for one without an identifier or a facility."""
    patient = read_as(PatientResource, told)
    found = _About(PATIENT, patient, None, "Patient.identifier", patient.meta, _Came(told, rules, arrived_at))
    adt = found.adt
    return found.result(structs.replace(adt, age_years=age(patient, adt.occurred.start, found.clock.sender.zone)))


def read_coverage(told: ToldResource, rules: ResourceRules, arrived_at: datetime) -> ReadResource:
    """What a Coverage says. Raises Refused for one that names no patient or no payer."""
    one = read_as(Coverage, told)
    patient, came = patient_of(one.beneficiary, told), _Came(told, rules, arrived_at)
    found = _About(COVERAGE, patient, one.beneficiary, "Coverage.beneficiary", one.meta, came)
    every = payers([one], told, found.clock)
    if not every:
        raise Refused("AE", 422, "Coverage.payor", 0, "no payer is named")
    return found.result(structs.replace(found.adt, coverage=every))


def read_condition(told: ToldResource, rules: ResourceRules, arrived_at: datetime) -> ReadResource:
    """What a Condition says: a diagnosis added to those of the visit, or taken from them. Raises Refused for one
    without a code or a patient."""
    one = read_as(Condition, told)
    patient, came = patient_of(one.subject, told), _Came(told, rules, arrived_at)
    found = _About(CONDITION, patient, one.subject, "Condition.subject", one.meta, came)
    diagnoses = coded([structs.replace(one, verification_status=None)], "W")
    if not diagnoses:
        raise Refused("AE", 422, "Condition.code", 0, "there is no coded diagnosis")
    action: Literal["U", "D"] = "D" if codes.has(one.verification_status, *NOT_SO) else "U"
    change = DiagnosisChange(action, short(told.own_id) if told.own_id else None, diagnoses[0])
    number = one.encounter.identifier.value if one.encounter and one.encounter.identifier else None
    visit = short(number) if number else None
    return found.result(structs.replace(found.adt, diagnosis_changes=(change,), visit_number=visit))


class _Came(NamedTuple):
    """A resource, the site's rules, and when it arrived."""

    told: ToldResource
    rules: ResourceRules
    arrived_at: datetime


class _About:
    """A message of a patient: who says it of whom, and the clock that reads its times."""

    def __init__(  # noqa: PLR0917 - what every such message has
        self, trigger: str, patient: PatientResource | None, subject: Reference | None, expression: str,
        meta: Meta | None, came: _Came,
    ) -> None:  # fmt: skip
        names = names_of(patient.managing_organization if patient else None, came.told)
        self.clock = Clockwork(sender_of(names, came.told, came.rules), came.rules, came.arrived_at)
        ids = patient_ids_of(patient, subject, came.told, self.clock.sender.facility, expression)
        self.person = person_of(patient, ids)
        adt = said(trigger, ids, came.told, self.clock, meta.last_updated if meta else None)
        self.adt = with_death(adt, patient, self.clock)

    def result(self, adt: Adt) -> ReadResource:
        """The reading, with the warnings about times."""
        return ReadResource(structs.replace(adt, warnings=tuple(self.clock.warnings)), self.person)
