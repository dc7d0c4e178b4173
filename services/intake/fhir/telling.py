"""A visit as intake knows it → an Encounter of FHIR R4, as it was told: status, class, times, places, disposition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.intake.hl7.model import Adt, PatientId
from shared.fhir import billed_codes

_V2_CLASSES = "http://terminology.hl7.org/CodeSystem/v2-0004"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_CLASS = {"I": "IMP", "E": "EMER", "O": "AMB", "P": "PRENC"}
"""PV1-2 → Encounter.class (HL7 v2-to-FHIR)."""


class VisitFact(NamedTuple):
    """A fact of the visit: its type's name, when it happened, the unit that it goes to, and a disposition's code."""

    name: str
    at: datetime
    unit: str | None = None
    disposition: str | None = None


class VisitTold(NamedTuple):
    """What an Encounter is made of: its id here, the last message that told of the visit, the facts that stand, how
    many messages told of it (its version), and when the last one arrived."""

    id: str
    last: Adt
    number: str | None
    patient: PatientId | None
    facts: Sequence[VisitFact]
    version: int
    changed: datetime


def encounter(visit: VisitTold) -> dict[str, Any]:
    """The Encounter."""
    begun = next((one.at for one in visit.facts if one.name in {"visit-started", "admitted"}), None)
    ended = next((one for one in reversed(visit.facts) if one.name in {"discharged", "visit-ended"}), None)
    found: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": visit.id,
        "meta": {"versionId": str(visit.version), "lastUpdated": _instant(visit.changed)},
        "identifier": [{"type": _type("VN"), "value": visit.number}] if visit.number else None,
        "status": _status(visit, ended),
        "class": _class(visit.last.patient_class),
        "subject": _subject(visit.patient),
        "period": _period(begun, ended.at if ended else None),
        "location": _locations(visit.facts, ended.at if ended else None),
        "serviceProvider": {"display": visit.last.facility},
    }
    if ended is not None and ended.disposition:
        found["hospitalization"] = {"dischargeDisposition": _disposition(ended.disposition)}
    return {name: value for name, value in found.items() if value}


def _disposition(code: str) -> dict[str, Any]:
    """A disposition as the site's table has it, with FHIR's code where it is a patient status."""
    told = [
        {"system": billed_codes.DISPOSITION_SYSTEM, "code": each} for each in [billed_codes.OF_STATUS.get(code)] if each
    ]
    return {"coding": [*told, {"system": billed_codes.OWN_DISPOSITION, "code": code}]}


def _status(visit: VisitTold, ended: VisitFact | None) -> str:
    names = [one.name for one in visit.facts]
    if not names:
        if visit.last.means.cancels:
            return "entered-in-error"
        return "planned" if visit.last.means.plans else "unknown"
    if ended is not None and names.index(ended.name) > _last(names, ("admitted", "visit-started")):
        return "finished"
    if "admitted" not in names and "visit-started" not in names:
        return "cancelled" if "arrival-cancelled" in names else "planned"
    return "onleave" if _last(names, ("leave-started",)) > _last(names, ("leave-ended",)) else "in-progress"


def _last(names: Sequence[str], of: Iterable[str]) -> int:
    return max((place for place, name in enumerate(names) if name in of), default=-1)


def _class(told: str | None) -> dict[str, str]:
    if told in _CLASS:
        return {"system": _ACT, "code": _CLASS[told]}
    return {"system": _V2_CLASSES, "code": told} if told else {"system": _ACT, "code": "AMB"}


def _subject(one: PatientId | None) -> dict[str, Any] | None:
    if one is None:
        return None
    found: dict[str, Any] = {"type": _type(one.type)} if one.type else {}
    if one.authority and ":" in one.authority:
        found["system"] = one.authority
    elif one.authority:
        found["assigner"] = {"display": one.authority}
    return {"identifier": {**found, "value": one.id}}


def _type(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _TYPES, "code": code}]}


def _period(begun: datetime | None, ended: datetime | None) -> dict[str, str] | None:
    told = {"start": begun, "end": ended}
    return {name: _instant(at) for name, at in told.items() if at} or None


def _locations(facts: Sequence[VisitFact], ended: datetime | None) -> list[dict[str, Any]] | None:
    """The units in their order, each until the next one; the last one is active while the visit goes on."""
    places = [one for one in facts if one.unit]
    found = []
    for number, one in enumerate(places):
        until = places[number + 1].at if number + 1 < len(places) else ended
        period = {"start": _instant(one.at), **({"end": _instant(until)} if until else {})}
        status = "completed" if until else "active"
        found.append({"location": {"identifier": {"value": one.unit}}, "status": status, "period": period})
    return found or None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
