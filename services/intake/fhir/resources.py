"""The resources of FHIR R4 that are taken in, as far as an element of theirs is used; the rest is ignored."""

from __future__ import annotations

from msgspec import field

from shared.fhir.elements import (
    Class,
    CodeableConcept,
    Coding,
    ContactPoint,
    Element,
    Extension,
    HumanName,
    Identifier,
    Meta,
    Period,
    PostalAddress,
    Quantity,
    Reference,
)


class Resource(Element):
    """What every resource has."""

    resource_type: str = ""
    id: str | None = None
    meta: Meta | None = None
    identifier: tuple[Identifier, ...] = ()


class StatusHistory(Element):
    """A status that an Encounter had."""

    status: str | None = None
    period: Period | None = None


class ClassHistory(Element):
    """A class that an Encounter had."""

    class_: Coding | None = Class
    period: Period | None = None


class EncounterLocation(Element):
    """A place where the patient is, was, or is to be."""

    location: Reference | None = None
    status: str | None = None
    physical_type: CodeableConcept | None = None
    period: Period | None = None


class Participant(Element):
    """Who takes part, and as what."""

    type: tuple[CodeableConcept, ...] = ()
    individual: Reference | None = None


class EncounterDiagnosis(Element):
    """A diagnosis of the visit: of which Condition, as what, in which rank."""

    condition: Reference | None = None
    use: CodeableConcept | None = None
    rank: int | None = None


class Hospitalization(Element):
    """How the patient came, and how they left."""

    admit_source: CodeableConcept | None = None
    destination: Reference | None = None
    discharge_disposition: CodeableConcept | None = None


class Encounter(Resource):
    """A visit."""

    status: str | None = None
    status_history: tuple[StatusHistory, ...] = ()
    class_: Coding | None = Class
    class_history: tuple[ClassHistory, ...] = ()
    service_type: CodeableConcept | None = None
    priority: CodeableConcept | None = None
    subject: Reference | None = None
    participant: tuple[Participant, ...] = ()
    period: Period | None = None
    diagnosis: tuple[EncounterDiagnosis, ...] | None = None
    account: tuple[Reference, ...] = ()
    hospitalization: Hospitalization | None = None
    location: tuple[EncounterLocation, ...] = ()
    service_provider: Reference | None = None


class PatientResource(Resource):
    """A patient."""

    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    address: tuple[PostalAddress, ...] = ()
    managing_organization: Reference | None = None


class Condition(Resource):
    """A diagnosis."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None


class CoverageClass(Element):
    """A group, plan or the like of a Coverage."""

    type: CodeableConcept | None = None
    value: str | None = None


class Coverage(Resource):
    """Who pays."""

    status: str | None = None
    type: CodeableConcept | None = None
    subscriber_id: str | None = None
    beneficiary: Reference | None = None
    period: Period | None = None
    payor: tuple[Reference, ...] = ()
    class_: tuple[CoverageClass, ...] = field(name="class", default=())
    order: int | None = None


class LocationResource(Resource):
    """A unit, a room or a bed."""

    name: str | None = None
    alias: tuple[str | None, ...] = ()
    physical_type: CodeableConcept | None = None
    part_of: Reference | None = None
    managing_organization: Reference | None = None


class NamedResource(Resource):
    """An Organization or a Practitioner: its numbers, and the name of the first."""

    name: str | tuple[HumanName, ...] | None = None
    alias: tuple[str | None, ...] = ()


class MessageSource(Element):
    """Which system sends a message."""

    name: str | None = None
    endpoint: str | None = None


class MessageHeader(Resource):
    """What a message Bundle is of."""

    event_coding: Coding | None = None
    event_uri: str | None = None
    source: MessageSource | None = None
    sender: Reference | None = None
    responsible: Reference | None = None
    focus: tuple[Reference, ...] = ()


class ServiceRequest(Resource):
    """A request for care: a referral."""

    status: str | None = None
    intent: str | None = None
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept | None = None
    order_detail: tuple[CodeableConcept, ...] = ()
    subject: Reference | None = None
    authored_on: str | None = None
    requester: Reference | None = None
    performer: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()


class ObservationComponent(Element):
    """A part of an Observation."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_integer: int | None = None


class Observation(Resource):
    """A score of an assessment."""

    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    issued: str | None = None
    performer: tuple[Reference, ...] = ()
    value_quantity: Quantity | None = None
    value_integer: int | None = None
    value_codeable_concept: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] = ()
    component: tuple[ObservationComponent, ...] = ()
    extension: tuple[Extension, ...] = ()


class QuestionAnswer(Element):
    """An answer in a QuestionnaireResponse."""

    value_decimal: float | None = None
    value_integer: int | None = None
    value_coding: Coding | None = None


class Item(Element):
    """A question with its answers, or a group of such."""

    link_id: str | None = None
    answer: tuple[QuestionAnswer, ...] = ()
    item: tuple[Item, ...] = ()


class QuestionnaireResponse(Element):
    """A filled-in assessment. Its identifier is one alone."""

    resource_type: str = ""
    id: str | None = None
    meta: Meta | None = None
    identifier: Identifier | None = None
    questionnaire: str | None = None
    status: str | None = None
    subject: Reference | None = None
    authored: str | None = None
    author: Reference | None = None
    source: Reference | None = None
    item: tuple[Item, ...] = ()
    extension: tuple[Extension, ...] = ()


class ConsentActor(Element):
    """Somebody of a consent, and as what."""

    role: CodeableConcept | None = None
    reference: Reference | None = None


class Provision(Element):
    """What a consent allows."""

    type: str | None = None
    period: Period | None = None
    actor: tuple[ConsentActor, ...] = ()
    security_label: tuple[Coding, ...] = ()
    purpose: tuple[Coding, ...] = ()


class ConsentResource(Resource):
    """What a patient allows."""

    status: str | None = None
    scope: CodeableConcept | None = None
    patient: Reference | None = None
    date_time: str | None = None
    organization: tuple[Reference, ...] = ()
    provision: Provision | None = None


class Labels(Element):
    """The security labels of a resource."""

    security: tuple[Coding, ...] = ()


class Labelled(Element):
    """Any resource, as far as its security labels."""

    meta: Labels | None = None
