"""The resources of FHIR R4 that the services tell, with the elements that they fill; what says nothing is left out."""

from __future__ import annotations

from msgspec import field

from shared.fhir.elements import (
    Class,
    CodeableConcept,
    Coding,
    ContactPoint,
    Element,
    HumanName,
    Identifier,
    Meta,
    Period,
    Reference,
)


class Resource(Element, kw_only=True):
    """What all have in common: an id, which tells nothing of a patient, and what the server says of it."""

    id: str
    meta: Meta | None = None


def kind_of(resource: Resource) -> str:
    """The type of a resource, as its JSON names it."""
    return str(resource.__struct_config__.tag)


class _Tagged(Resource, tag_field="resourceType", tag=str):
    """A resource whose JSON names its type."""


class Provision(Element, kw_only=True):
    """What a consent allows: for how long, why, and to whom."""

    type: str
    period: Period | None = None
    purpose: tuple[Coding, ...] = ()
    actor: tuple[ProvisionActor, ...] = ()
    security_label: tuple[Coding, ...] = ()


class ProvisionActor(Element, kw_only=True):
    """Who discloses, or who receives."""

    role: CodeableConcept
    reference: Reference


class ConsentOfPatient(_Tagged, kw_only=True, tag="Consent"):
    """A patient's consent to a disclosure."""

    status: str
    scope: CodeableConcept
    category: tuple[CodeableConcept, ...]
    patient: Reference
    date_time: str | None = None
    organization: tuple[Reference, ...] = ()
    policy_rule: CodeableConcept | None = None
    provision: Provision | None = None


class StatusOfEpisode(Element, kw_only=True):
    """A status of an EpisodeOfCare, and from when to when it had it."""

    status: str
    period: Period


class EpisodeOfCare(_Tagged, kw_only=True):
    """The whole way of a patient through levels of care."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    status_history: tuple[StatusOfEpisode, ...] = ()
    type: tuple[CodeableConcept, ...] = ()
    patient: Reference
    managing_organization: Reference | None = None
    period: Period | None = None
    referral_request: tuple[Reference, ...] = ()


class PlaceOfStay(Element, kw_only=True):
    """Where a patient was during an Encounter."""

    location: Reference
    status: str | None = None
    period: Period | None = None


class Participant(Element, kw_only=True):
    """Who took part in an Encounter."""

    type: tuple[CodeableConcept, ...] = ()
    individual: Reference | None = None


class DiagnosisOfStay(Element, kw_only=True):
    """A Condition of an Encounter; `rank` 1 is the principal one."""

    condition: Reference
    use: CodeableConcept | None = None
    rank: int | None = None


class Hospitalization(Element, kw_only=True):
    """How a stay began and ended."""

    admit_source: CodeableConcept | None = None
    discharge_disposition: CodeableConcept | None = None


class StatusOfStay(Element, kw_only=True):
    """A status of an Encounter, and from when to when it had it."""

    status: str
    period: Period


class Encounter(_Tagged, kw_only=True):
    """A stay: a visit at a hospital, or a stay at a program."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    status_history: tuple[StatusOfStay, ...] = ()
    encounter_class: Coding | None = Class
    type: tuple[CodeableConcept, ...] = ()
    service_type: CodeableConcept | None = None
    priority: CodeableConcept | None = None
    subject: Reference
    episode_of_care: tuple[Reference, ...] = ()
    participant: tuple[Participant, ...] = ()
    period: Period | None = None
    diagnosis: tuple[DiagnosisOfStay, ...] = ()
    hospitalization: Hospitalization | None = None
    location: tuple[PlaceOfStay, ...] = ()
    service_provider: Reference | None = None


class Organization(_Tagged, kw_only=True):
    """A facility, or a payer."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    type: tuple[CodeableConcept, ...] = ()
    name: str


class Location(_Tagged, kw_only=True):
    """A unit of a facility."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    name: str
    mode: str | None = None
    type: tuple[CodeableConcept, ...] = ()
    managing_organization: Reference | None = None


class HealthcareService(_Tagged, kw_only=True):
    """A program: what it offers, at which facility."""

    identifier: tuple[Identifier, ...] = ()
    active: bool
    provided_by: Reference | None = None
    type: tuple[CodeableConcept, ...] = ()
    name: str
    communication: tuple[CodeableConcept, ...] = ()


class Practitioner(_Tagged, kw_only=True):
    """A clinician, by the national provider identifier."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None


class Patient(_Tagged, kw_only=True):
    """Who a patient is, as the facilities that the reader may see told it."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str | None = None
    birth_date: str | None = None
    address: tuple[PatientAddress, ...] = ()
    managing_organization: Reference | None = None
    link: tuple[PatientLink, ...] = ()


class PatientAddress(Element, kw_only=True):
    """Where a patient lives."""

    line: tuple[str, ...] = ()
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class PatientLink(Element, kw_only=True):
    """Another record of the same patient, after a merge."""

    other: Reference
    type: str


class Condition(_Tagged, kw_only=True):
    """A diagnosis of a stay."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept
    subject: Reference
    encounter: Reference | None = None


class CoverageClass(Element, kw_only=True):
    """The plan of a Coverage."""

    type: CodeableConcept
    value: str


class PatientCoverage(_Tagged, kw_only=True, tag="Coverage"):
    """A payer of the patient from a day on; `order` 1 pays first."""

    status: str
    beneficiary: Reference
    period: Period | None = None
    payor: tuple[Reference, ...]
    coverage_class: tuple[CoverageClass, ...] | None = Class
    order: int | None = None


class ServiceRequest(_Tagged, kw_only=True):
    """A search for a program, or a referral."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    intent: str
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept | None = None
    order_detail: tuple[CodeableConcept, ...] = ()
    subject: Reference
    encounter: Reference | None = None
    occurrence_date_time: str | None = None
    authored_on: str | None = None
    requester: Reference | None = None
    performer: tuple[Reference, ...] = ()


class Restriction(Element, kw_only=True):
    """By when a Task has to be done."""

    period: Period | None = None


class Task(_Tagged, kw_only=True):
    """What somebody is asked: a program to take a patient, a provider to see one, a facility to follow one up."""

    identifier: tuple[Identifier, ...] = ()
    based_on: tuple[Reference, ...] = ()
    status: str
    status_reason: CodeableConcept | None = None
    business_status: CodeableConcept | None = None
    intent: str
    code: CodeableConcept | None = None
    focus: Reference | None = None
    for_patient: Reference | None = field(name="for", default=None)
    encounter: Reference | None = None
    execution_period: Period | None = None
    authored_on: str | None = None
    last_modified: str | None = None
    requester: Reference | None = None
    owner: Reference | None = None
    restriction: Restriction | None = None


class Attending(Element, kw_only=True):
    """Who takes part in an Appointment."""

    actor: Reference
    status: str


class Appointment(_Tagged, kw_only=True):
    """A first day at a program, or an appointment of follow-up care."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    service_type: tuple[CodeableConcept, ...] = ()
    start: str | None = None
    end: str | None = None
    requested_period: tuple[Period, ...] = ()
    based_on: tuple[Reference, ...] = ()
    participant: tuple[Attending, ...]


class CarePlan(_Tagged, kw_only=True):
    """A plan of follow-up care after a discharge."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    intent: str
    title: str | None = None
    subject: Reference
    period: Period | None = None
    activity: tuple[Activity, ...] = ()


class Activity(Element, kw_only=True):
    """What a CarePlan asks for: a Task of ours."""

    reference: Reference
