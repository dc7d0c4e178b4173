"""A Patient of FHIR → the patient's ids, and the fields of the person, as PID gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.intake.fhir import codes
from services.intake.fhir.resources import PatientResource
from services.intake.hl7.fields import short
from services.intake.hl7.model import PatientId
from shared.fhir.elements import ContactPoint, HumanName, Identifier, PostalAddress, Reference

_MOST_NAMES = 20
_OID = "urn:oid:"
OF_SERVER = "Patient.id"
"""What follows the facility's name in the authority of the ids under which its server keeps patients."""


def authority(system: str | None) -> str | None:
    """A system of identifiers as an authority: an OID as HL7 v2 writes it, else its URI."""
    text = (system or "").strip()
    return short(text.removeprefix(_OID)) if text else None


def patient_id(one: Identifier) -> PatientId | None:
    """An identifier as a patient's id; None for one without a value."""
    value = (one.value or "").strip()
    if not value:
        return None
    by = authority(one.system) or (short(one.assigner.display) if one.assigner and one.assigner.display else None)
    return PatientId(short(value), by, _type(one), authority(one.system))


def _type(one: Identifier) -> str | None:
    """The type of a number by HL7 table 0203, in whatever system its code is told."""
    if one.system == codes.US_SSN:
        return "SS"
    found = [each.code for each in one.type.coding if each.code] if one.type else []
    return short(found[0]) if found else None


def ids_of(patient: PatientResource | None, subject: Reference | None) -> tuple[PatientId, ...]:
    """The ids of the patient, and the one by which the reference names them."""
    every: list[Identifier] = list(patient.identifier) if patient else []
    if subject and subject.identifier:
        every.append(subject.identifier)
    found = [known for one in every if (known := patient_id(one))]
    return tuple(dict.fromkeys(found))


def server_id(reference: str | None, facility: str) -> PatientId | None:
    """The id under which the sender's server keeps the patient, by a reference to it; None for what is no such id. It
    counts for this facility, or for the server that the reference names."""
    base, _, kept = (reference or "").partition("/_history/")[0].rpartition("/")
    if not kept or not (base == "Patient" or base.endswith("/Patient")) or base.startswith("urn:"):
        return None
    of = base.removesuffix("/Patient") if base != "Patient" else facility
    return PatientId(short(kept), short(f"{of} {OF_SERVER}"), "PI")


def person_of(patient: PatientResource | None, ids: Iterable[PatientId]) -> dict[str, Any]:
    """What the resource says of the person, by the fields of people/person.py; what it lacks, it says nothing of."""
    found: dict[str, Any] = {}
    if patient is not None:
        found = {
            "names": _names(patient.name),
            "birth_date": patient.birth_date if patient.birth_date and len(patient.birth_date) == 10 else None,
            "sex": codes.GENDER.get(patient.gender or ""),
            "home": _contacts(patient.telecom, work=False),
            "work": _contacts(patient.telecom, work=True),
            "address": _address(patient.address),
        }
    found["identifiers"] = [[one.id, one.authority, one.type] for one in ids]
    return {name: value for name, value in found.items() if value}


def _names(names: Iterable[HumanName]) -> list[list[str]]:
    """Family and given names, the official one first."""
    every = sorted(names, key=lambda one: one.use == "old")
    pairs = [[short(one.family or one.text or ""), short(" ".join(filter(None, one.given)))] for one in every]
    return [pair for pair in pairs if any(pair)][:_MOST_NAMES]


def _contacts(telecom: Iterable[ContactPoint], *, work: bool) -> list[dict[str, str]]:
    found = []
    for one in telecom:
        if one.value and (one.use == "work") is work and one.use != "old":
            system = "email" if one.system == "email" else "phone" if one.system in {"phone", "sms"} else None
            found += [{"system": system, "value": short(one.value)}] if system else []
    return found


def _address(addresses: Iterable[PostalAddress]) -> list[str] | None:
    """Line, further lines, city, state, postal code and country of the address where the patient lives."""
    one = next((each for each in addresses if each.use not in {"old", "temp", "billing"}), None)
    if one is None:
        return None
    lines = [line for line in one.line if line]
    parts = (lines[0] if lines else "", " ".join(lines[1:]), one.city, one.state, one.postal_code, one.country)
    found = [short(part or "") for part in parts]
    return found if any(found) else None
