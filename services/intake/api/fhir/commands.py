"""A ServiceRequest, QuestionnaireResponse, Observation or Consent → the same request as its JSON door takes.

Raises Refused, with the FHIRPath of what is missing or does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from services.intake.fhir import codes
from services.intake.fhir.common import patient_of, read_as, sender_of
from services.intake.fhir.model import ResourceRules, ToldResource
from services.intake.fhir.people import ids_of, server_id
from services.intake.fhir.places import names_of
from services.intake.fhir.resources import (
    ConsentActor,
    ConsentResource,
    Item,
    Labelled,
    Observation,
    PatientResource,
    QuestionnaireResponse,
    ServiceRequest,
)
from services.intake.hl7.model import Refused
from services.intake.requests.commands import LONGEST, Assessment, Referral
from services.intake.requests.consents.commands import ConsentGiven
from services.intake.requests.needs.vocabulary import unfit
from shared.events.levels import Level
from shared.fhir.elements import CodeableConcept, Extension, Reference
from shared.fhir.reading import read_or_none
from shared.fhir.times import span
from shared.site.config import Site
from shared.site.values import Label

Asked = TypeVar("Asked", bound=BaseModel)
LEVELS = frozenset(each.value for each in Level)
SOURCES = frozenset({"hospital", "emergency", "self", "family", "primary-care", "court", "payer"})
_PURPOSE = {"TREAT": "treatment", "HPAYMT": "payment", "HOPERAT": "operations", "TPO": "tpo"}
"""v3-ActReason → the purpose of a consent."""


class Came(NamedTuple):
    """A resource, the site's rules, when it arrived, and the site."""

    told: ToldResource
    rules: ResourceRules
    arrived_at: datetime
    site: Site


def referral(came: Came) -> Referral:
    """A ServiceRequest that is a referral: `code` names the level asked for, `orderDetail` the needs, the category or
    the requester's kind the source."""
    one = read_as(ServiceRequest, came.told)
    _status(one.status, {"active", "on-hold", "draft"}, "ServiceRequest.status")
    facility = _facility(one.performer, came)
    words = [*_codes([one.code] if one.code else []), *_codes(one.order_detail), *_codes(one.category)]
    level = next((each for each in words if each in LEVELS), None)
    needs = [each for concept in one.order_detail if (each := _need(concept, came)) not in {None, *LEVELS}]
    source = next((each for each in words if each in SOURCES), "other")
    return _as(
        Referral, "ServiceRequest",
        facility=facility, identity=_identity(one.subject, "ServiceRequest.subject", facility, came),
        source=source, requested_level=level, needs=needs, labels=_labels(came), occurred_at=_at(one.authored_on, came),
    )  # fmt: skip


def of_observation(came: Came) -> Assessment:
    """An Observation that is the score of an assessment: `code` names the instrument, components its dimensions."""
    one = read_as(Observation, came.told)
    _status(one.status, {"final", "amended", "corrected", "preliminary"}, "Observation.status")
    name = next(_codes([one.code] if one.code else []), None)
    if name is None:
        raise _lacks("Observation.code")
    told = one.value_quantity.value if one.value_quantity else one.value_integer
    parts = {
        part: value
        for each in one.component
        if (part := next(_codes([each.code] if each.code else []), None))
        and (value := each.value_quantity.value if each.value_quantity else each.value_integer) is not None
    }
    words = list(_codes([*one.interpretation, *([one.value_codeable_concept] if one.value_codeable_concept else [])]))
    facility = _facility(one.performer, came)
    return _as(
        Assessment, "Observation",
        facility=facility, identity=_identity(one.subject, "Observation.subject", facility, came),
        instrument=name, version=_extended(one.extension, "version") or "1",
        phase=_extended(one.extension, "phase") or "intake", score=told, dimensions=parts or None,
        severity=next((each for each in words if each not in LEVELS), None),
        recommended_level=next((each for each in words if each in LEVELS), None),
        labels=_labels(came), occurred_at=_at(one.effective_date_time or one.issued, came),
    )  # fmt: skip


def of_questionnaire(came: Came) -> Assessment:
    """A QuestionnaireResponse that is an assessment: `questionnaire` names the instrument and its version, each item
    with a number is a dimension; the items `score`, `severity` and `recommended-level` are what they say."""
    one = read_as(QuestionnaireResponse, came.told)
    _status(one.status, {"completed", "amended", "in-progress"}, "QuestionnaireResponse.status")
    if not one.questionnaire:
        raise _lacks("QuestionnaireResponse.questionnaire")
    name, _, version = one.questionnaire.partition("|")
    answers = dict(_answers(one.item))
    score, numbers = answers.pop("score", None), {n: v for n, v in answers.items() if isinstance(v, int | float)}
    facility = _facility([each for each in (one.author, one.source) if each], came)
    level = answers.get("recommended-level")
    return _as(
        Assessment, "QuestionnaireResponse",
        facility=facility, identity=_identity(one.subject, "QuestionnaireResponse.subject", facility, came),
        instrument=name.rstrip("/").rpartition("/")[2], version=version or "1",
        phase=_extended(one.extension, "phase") or "intake",
        score=score if isinstance(score, int | float) else None, dimensions=numbers or None,
        severity=answers.get("severity"), recommended_level=level if level in LEVELS else None,
        labels=_labels(came), occurred_at=_at(one.authored, came),
    )  # fmt: skip


def consent(came: Came) -> ConsentGiven:
    """A Consent that permits disclosure: its organization discloses, the provision's recipient receives (actor IRCP),
    for the provision's purpose, about its security labels, within its period."""
    one = read_as(ConsentResource, came.told)
    _status(one.status, {"active"}, "Consent.status")
    allows = one.provision
    if allows is None or allows.type not in {None, "permit"}:
        raise Refused("AE", 422, "Consent.provision", 0, "only a consent that permits is taken")
    facility = _facility(one.organization, came)
    purpose = next((_PURPOSE.get(each.code or "", each.code) for each in allows.purpose), None)
    labels = [each.code for each in allows.security_label if each.code]
    to = next((_recipient(each) for each in allows.actor if codes.has(each.role, "IRCP", "PRCP")), None)
    period = allows.period
    return _as(
        ConsentGiven, "Consent",
        facility=facility, identity=_identity(one.patient, "Consent.patient", facility, came),
        recipient=to, purpose=purpose, scope=labels, occurred_at=_at(one.date_time, came),
        **{"from": period.start[:10] if period and period.start else None},
        to=period.end[:10] if period and period.end else None,
    )  # fmt: skip


COMMANDS: Mapping[str, Callable[[Came], Referral | Assessment | ConsentGiven]] = {
    "ServiceRequest": referral,
    "Observation": of_observation,
    "QuestionnaireResponse": of_questionnaire,
    "Consent": consent,
}
"""Resource that is a request → how it is read as one."""
EXPRESSIONS: Mapping[str, Mapping[str, str]] = {
    "ServiceRequest": {"needs": "orderDetail", "requested_level": "code", "occurred_at": "authoredOn"},
    "Observation": {"instrument": "code", "score": "value", "dimensions": "component", "occurred_at": "effective"},
    "QuestionnaireResponse": {"instrument": "questionnaire", "version": "questionnaire", "dimensions": "item",
                              "score": "item", "severity": "item", "occurred_at": "authored"},
    "Consent": {"purpose": "provision.purpose", "scope": "provision.securityLabel", "recipient": "provision.actor",
                "from": "provision.period.start", "to": "provision.period.end", "occurred_at": "dateTime",
                "facility": "organization"},
}  # fmt: skip
"""Resource → field of its request → the element that says it."""


def _as(kind: type[Asked], resource: str, **fields: Any) -> Asked:
    """The request. Raises Refused that names the element of the first field that does not fit."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as wrong:
        error = wrong.errors(include_input=False, include_context=False, include_url=False)[0]
    field = str(error["loc"][0]) if error["loc"] else ""
    names = EXPRESSIONS[resource]
    of = names.get(field, names.get("recipient", "") if error["type"] == "one_recipient" else "")
    place = f"{resource}.{of}" if of else resource
    raise Refused("AE", 422, place, 0, "an element is missing, or is not as it must be")


def _lacks(expression: str) -> Refused:
    return Refused("AE", 422, expression, 0, "this element is missing")


def _status(told: str | None, taken: Iterable[str], expression: str) -> None:
    if told is None or told not in set(taken):
        text = "there is no status" if told is None else "nothing of this status is taken"
        raise Refused("AE", 422, expression, 0, text)


def _need(concept: CodeableConcept, came: Came) -> str | None:
    """A need as its concept tells it: the code that the site has, else the first code, else its words; of words that
    are longer than a need may be, the beginning."""
    told = [each.code for each in concept.coding if each.code]
    fits = (each for each in told if each in LEVELS or unfit(came.site, each) is None)
    words = (concept.text, *(each.display for each in concept.coding))
    found = next(fits, None) or next((each for each in (*told, *words) if each), None)
    return " ".join(found.split())[:LONGEST] or None if found else None


def _codes(concepts: Iterable[CodeableConcept]) -> Iterator[str]:
    return (each.code for one in concepts for each in one.coding if each.code)


def _facility(references: Iterable[Reference], came: Came) -> str:
    names = (name for one in references for name in names_of(one, came.told) if came.rules.facility_named(name))
    return sender_of(names, came.told, came.rules).facility


def _identity(subject: Reference | None, expression: str, facility: str, came: Came) -> dict[str, Any]:
    """Who the patient is, as `identity` of a request."""
    patient = patient_of(subject, came.told)
    ids = ids_of(patient, subject)
    if not ids and (own := server_id(subject.reference if subject else None, facility)):
        ids = (own,)
    if not ids:
        raise Refused("AE", 422, expression, 0, "there is no patient id")
    numbers = [{"id": one.id, "assigning_authority": one.authority, "type": one.type} for one in ids]
    found: dict[str, Any] = {"identifiers": [{n: v for n, v in one.items() if v} for one in numbers]}
    return {**found, **(_person(patient) if patient else {})}


def _person(patient: PatientResource) -> dict[str, Any]:
    name = next((one for one in patient.name if one.family), None)
    found: dict[str, Any] = {}
    if name is not None and name.family:
        given = " ".join(filter(None, name.given))
        found["name"] = {"family": name.family, **({"given": given} if given else {})}
    if patient.birth_date and len(patient.birth_date) == 10:
        found["birth_date"] = patient.birth_date
    return found


def _labels(came: Came) -> list[str]:
    """The security labels of the resource that are ours."""
    security = _security(came.told.resource.raw)
    return [one for one in get_args(Label) if one in security]


def _security(raw: bytes) -> set[str]:
    found = read_or_none(Labelled, raw)
    return {each.code for each in found.meta.security if each.code} if found and found.meta else set()


def _at(text: str | None, came: Came) -> datetime | None:
    """The time as a request has it; None where it is none."""
    if not text:
        return None
    try:
        return span(text, came.rules.sender("", "", "").zone)[0]
    except (ValueError, OverflowError):
        return None


def _extended(extensions: Iterable[Extension], name: str) -> str | None:
    """What an extension says whose URL ends in this name."""
    found = (one for one in extensions if (one.url or "").rstrip("/").rpartition("/")[2] == name)
    return next((text for one in found if (text := one.value_code or one.value_string)), None)


def _answers(items: Iterable[Item]) -> Iterator[tuple[str, Any]]:
    for one in items:
        for answer in one.answer:
            number = answer.value_decimal if answer.value_decimal is not None else answer.value_integer
            code = answer.value_coding.code if answer.value_coding else None
            if one.link_id and (number is not None or code):
                yield one.link_id, code if number is None else number
        yield from _answers(one.item)


def _recipient(actor: ConsentActor) -> str | None:
    of = actor.reference
    if of is None:
        return None
    number = of.identifier.value if of.identifier else None
    return number or (of.reference or "").rpartition("/")[2] or of.display
