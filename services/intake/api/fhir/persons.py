"""Patients and consents as resources of FHIR R4: read and searched, by what the caller's facilities told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from services.intake.api.patients import READERS as PATIENTS
from services.intake.api.patients import shown, visited
from services.intake.api.rate_limits import RateLimits
from services.intake.people import views
from services.intake.people.finding import views as finding
from services.intake.people.finding.question import LONGEST, MOST_PARTS, asked
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import views as consents
from shared.fhir.elements import CodeableConcept, Coding, ContactPoint, HumanName, Identifier, Period, Reference
from shared.fhir.parameters import dated, refers, token
from shared.fhir.resources import (
    ConsentOfPatient,
    Patient,
    PatientAddress,
    PatientLink,
    Provision,
    ProvisionActor,
)
from shared.fhir.searching import SearchParameter, SearchQuestion
from shared.web import requests
from shared.web.fhir_reads import START, Batch, Place, ReadingLook, ReadType, ShownResource

CONSENTS: Final = ("coordinator", "auditor")
GENDER: Final[Mapping[str, str]] = {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown"}
"""PID-8 (HL7 table 0001) → Patient.gender."""
CONSENT_STATUS: Final[Mapping[str, str]] = {
    "standing": "active",
    "revoking": "inactive",
    "revoked": "inactive",
    "expired": "inactive",
}
"""State of a consent → Consent.status."""
PURPOSES: Final[Mapping[str, str]] = {"treatment": "TREAT", "payment": "HPAYMT", "operations": "HOPERAT"}
"""Purpose of a consent → v3-ActReason; any other is a code of ours."""
_ACT, _REASON = "http://terminology.hl7.org/CodeSystem/v3-ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_NUMBER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_OURS = "urn:stepdown:"
AT_ONCE = 50


# ── a patient ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def patient(told: Mapping[str, Any]) -> Patient:
    """A patient as the API shows it → a Patient. Ways of contact that are not safe are left out: FHIR has no element
    that would warn of them."""
    into = told.get("merged_into")
    return Patient(
        id=told["patient_id"],
        identifier=tuple(_identifier(one) for one in told.get("identifiers", ())),
        active=into is None,
        name=tuple(_names(told)),
        telecom=tuple(_telecom(told)),
        gender=GENDER.get(str(told["sex"]).upper()) if told.get("sex") else None,
        birth_date=told.get("birth_date"),
        address=(_address(told["address"]),) if told.get("address") else (),
        link=(
            *((PatientLink(other=_to(into), type="replaced-by"),) if into else ()),
            *(PatientLink(other=_to(one), type="replaces") for one in told.get("merged_from", ())),
        ),
    )


def _to(patient_id: str) -> Reference:
    return Reference(reference=f"Patient/{patient_id}")


def _identifier(one: Mapping[str, Any]) -> Identifier:
    authority, kind = one.get("assigning_authority"), one.get("type")
    uri = authority if authority and ":" in authority else None
    return Identifier(
        type=CodeableConcept(coding=(Coding(system=_NUMBER_TYPES, code=kind),)) if kind else None,
        system=uri,
        value=one["id"],
        assigner=Reference(display=authority) if authority and uri is None else None,
    )


def _names(told: Mapping[str, Any]) -> Iterator[HumanName]:
    every = [told["name"]] if told.get("name") else []
    for number_, one in enumerate([*every, *told.get("other_names", ())]):
        given = (one["given"],) if one.get("given") else ()
        yield HumanName(use="official" if number_ == 0 else "old", family=one.get("family") or None, given=given)


def _telecom(told: Mapping[str, Any]) -> Iterator[ContactPoint]:
    safe = told.get("safe_to_contact", True)
    for one in told.get("contacts", ()):
        by_way = safe.get(one["system"], True) if isinstance(safe, Mapping) else safe
        if one.get("safe", True) and by_way:
            system = one["system"] if one["system"] in {"phone", "fax", "email", "sms"} else "other"
            yield ContactPoint(system=system, value=one["value"], use=one.get("use"))


def _address(one: Mapping[str, str]) -> PatientAddress:
    lines = tuple(each for each in (one.get("line"), one.get("other")) if each)
    return PatientAddress(
        line=lines, city=one.get("city"), state=one.get("state"), postal_code=one.get("postal_code"),
        country=one.get("country"),
    )  # fmt: skip


class PatientReader:
    """The reader of patients. A search names somebody: by an id, a number, a name, a birth date or a telephone."""

    def __init__(self, intake: Intake, rates: RateLimits) -> None:
        self.intake, self.rates = intake, rates

    async def one(self, look: ReadingLook, _: str, own_id: str) -> ShownResource | None:
        """A patient by our id."""
        self.rates.take(look.who)
        found = await self._told(look, await views.patients(look.connection, [own_id], look.scope))
        return found[0] if found else None

    async def batch(self, look: ReadingLook, _: str, asked_: SearchQuestion, after: Place) -> Batch:
        """The next patients whom the question may mean. Raises a Problem (400) where it names nobody."""
        self.rates.take(look.who)
        if asked_.ids is not None:
            ids = sorted(one for one in asked_.ids if "\0" not in one)
            return Batch(await self._told(look, await views.patients(look.connection, ids, look.scope)), None)
        question = asked(_words(asked_)[:LONGEST])
        if not 1 <= len(question.parts) <= MOST_PARTS:
            raise requests.invalid(f"a search of Patient has _id, or one to {MOST_PARTS} of {', '.join(_NAMING)}")
        wanted = finding.Wanted(question, look.scope, visited(look.who, self.intake), AT_ONCE + 1, _place(after))
        found = (await finding.found(look.connection, wanted, self.intake.seal)).places
        page, more = found[:AT_ONCE], len(found) > AT_ONCE
        every = await views.patients(look.connection, [one.patient_id for one in page], look.scope)
        places = {one.patient_id: (str(one.rank), str(one.age), one.patient_id) for one in page}
        shown_ = [one._replace(place=places[one.subject]) for one in await self._told(look, every)]
        return Batch(shown_, places[page[-1].patient_id] if more else None)

    async def _told(self, look: ReadingLook, every: Sequence[views.Patient]) -> list[ShownResource]:
        told = [(one.patient_id, patient(shown(one, look.who, self.intake))) for one in every]
        return [ShownResource(("", "", own), one, own) for own, one in told]


def _place(after: Place) -> finding.Place:
    """The place in what was found. Raises a Problem (400) for one that no page had."""
    if after == START:
        return finding.BEFORE_ALL
    try:
        found = finding.Place(int(after[0]), int(after[1]), after[2])
    except ValueError:
        found = finding.BEFORE_ALL
    if found.rank not in finding.RANKS or abs(found.age) > finding.NEVER:
        raise requests.invalid("the cursor is not one that a page before gave")
    return found


_NAMING = ("identifier", "name", "family", "given", "birthdate", "telecom", "phone")


def _words(question: SearchQuestion) -> str:
    """The words by which patients are found: the values of the parameters that name somebody."""
    found = [one for one in question.filters if one.parameter.name in _NAMING and len(one.values) == 1]
    values = [(one.parameter.name, one.values[0].rpartition("|")[2]) for one in found]
    return " ".join(value.removeprefix("eq") if name == "birthdate" else value for name, value in values)


def _private(name: str, values: Any, about: str) -> SearchParameter:
    return SearchParameter(name, "string", values, about, private=True)


def _family(one: Patient) -> list[str]:
    return [each.family for each in one.name if each.family]


def _given(one: Patient) -> list[str]:
    return [each for name in one.name for given in name.given if given for each in (given, *given.split()[1:])]


def _numbers(one: Patient) -> Iterator[tuple[str | None, str | None]]:
    """The numbers, each with its authority as the system, by URI or by name."""
    for each in one.identifier:
        yield each.system or (each.assigner.display if each.assigner else None), each.value


PATIENT: Final = (
    SearchParameter("identifier", "token", lambda one: list(_numbers(one)), "a record number", private=True),
    _private("name", lambda one: [*_family(one), *_given(one)], "family or given name, by its beginning"),
    _private("family", _family, "family name, by its beginning"),
    _private("given", _given, "given name, by its beginning"),
    dated("birthdate", lambda one: one.birth_date, "birth date")._replace(private=True),
    token("gender", lambda one: one.gender, "administrative gender"),
    SearchParameter(
        "telecom", "token", lambda one: [(None, each.value) for each in one.telecom], "telephone or mail as shown",
        private=True,
    ),
    SearchParameter(
        "phone", "token", lambda one: [(None, each.value) for each in one.telecom if each.system == "phone"],
        "telephone as shown", private=True,
    ),
)  # fmt: skip


# ── a consent ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def consent(told: Mapping[str, Any]) -> ConsentOfPatient:
    """A consent as the API shows it → a Consent."""
    purpose = str(told["purpose"])
    reason = PURPOSES.get(purpose)
    recipient = told.get("recipient") or told.get("recipient_class")
    until = told.get("ended_at") or told.get("to")
    return ConsentOfPatient(
        id=told["consent_id"],
        status=CONSENT_STATUS[told["state"]],
        scope=CodeableConcept(coding=(Coding(system=_SCOPE, code="patient-privacy"),)),
        category=(CodeableConcept(coding=(Coding(system=_ACT, code="INFA"),)),),
        patient=_to(told["patient_id"]),
        date_time=_text(told["occurred_at"]),
        organization=(Reference(display=told["facility"]),),
        policy_rule=CodeableConcept(coding=(Coding(system=_ACT, code="OPTIN"),)),
        provision=Provision(
            type="permit",
            period=Period(start=_text(told["from"]), end=_text(until) if until else None),
            purpose=(
                Coding(system=_REASON, code=reason) if reason else Coding(system=_OURS + "purpose", code=purpose),
            ),
            actor=(
                _actor("CST", str(told["discloser"])),
                *((_actor("IRCP", str(recipient)),) if recipient else ()),
            ),
            security_label=tuple(Coding(system=_OURS + "consent-scope", code=str(each)) for each in told["scope"]),
        ),
    )


def _actor(role: str, name: str) -> ProvisionActor:
    return ProvisionActor(
        role=CodeableConcept(coding=(Coding(system=_ROLE, code=role),)), reference=Reference(display=name)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


class ConsentReader:
    """The reader of consents: of patients who are named, or by id."""

    async def one(self, look: ReadingLook, _: str, own_id: str) -> ShownResource | None:
        """A consent by its id."""
        found = await consents.consents_by_id(look.connection, [own_id], scope=look.scope)
        return _found(found[0]) if found else None

    async def batch(self, look: ReadingLook, _: str, asked_: SearchQuestion, after: Place) -> Batch:
        """The consents after a place. Raises a Problem (400) where neither patient nor id is named."""
        if asked_.ids is not None:
            ids = sorted(one for one in asked_.ids if "\0" not in one)
            found = await consents.consents_by_id(look.connection, ids, scope=look.scope)
        elif asked_.patients is not None:
            every = [one for one in sorted(asked_.patients) if "\0" not in one]
            found = [c for one in every for c in await consents.consents(look.connection, one, scope=look.scope)]
        else:
            raise requests.invalid("a search of Consent has patient or _id")
        told = sorted(map(_found, found), key=lambda one: one.place)
        return Batch([one for one in told if after == START or one.place > after], None)


def _found(told: Mapping[str, Any]) -> ShownResource:
    made = consent(told)
    return ShownResource((told["patient_id"], made.id, ""), made, told["patient_id"])


CONSENT: Final = (
    refers("patient", lambda one: one.patient, "whose it is", "Patient"),
    token("status", lambda one: one.status, "its status"),
    dated("date", lambda one: one.date_time, "when it was given"),
    dated("period", lambda one: one.provision.period if one.provision else None, "from when to when"),
)
ROWS: Final = (("Patient", PATIENTS, PATIENT), ("Consent", CONSENTS, CONSENT))
"""Type, who may read it, its parameters."""


def types(intake: Intake, rates: RateLimits) -> tuple[ReadType, ...]:
    """The table of the types that intake tells, with their readers."""
    return (
        ReadType("Patient", PATIENTS, PatientReader(intake, rates), PATIENT, stamped=False),
        ReadType("Consent", CONSENTS, ConsentReader(), CONSENT, stamped=False),
    )
