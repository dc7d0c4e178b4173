"""One visit's story as a hospital lives it, told by HL7 v2 or by FHIR R4, event by event, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson

from services.intake.fhir.encounters import read_encounter
from services.intake.fhir.model import ToldResource
from services.intake.hl7.model import VisitMessage
from shared.fhir.bundles import Resources, found
from tests.intake.said import NOW, SITE, SampleSite, er7, read

BEGIN = datetime(2026, 1, 5, 15, tzinfo=UTC)
"""10:00 in New York."""
HOUR = timedelta(hours=3)
CLASSES = {"I": "IMP", "E": "EMER", "O": "AMB"}
MRN = "123456"


class FhirSite(SampleSite):
    """The sample site of contract 7, as far as reading resources asks, too."""

    def facility_named(self, text: str) -> str | None:
        return "GOODHEALTH" if text in {"GOODHEALTH", "Good Health Hospital", "1000000012"} else None

    def has_unit(self, facility: str, code: str) -> bool:
        return self.unit(facility, code) is not None

    def is_payer(self, name: str) -> bool:
        return name in {"ACME", "MEDICARE", "MEDICAID"}

    def authority(self, system: str) -> str | None:
        return "GH" if system == "GH" else None


FHIR_SITE = FhirSite()


@dataclass(frozen=True)
class Visit:
    """What the hospital knows of the visit after an event: the units with their first hours, leaves, and the end."""

    begun: datetime
    units: tuple[tuple[str, datetime], ...]
    patient_class: str = "I"
    classes: tuple[tuple[str, datetime], ...] = ()
    leaves: tuple[tuple[datetime, datetime | None], ...] = ()
    ended: datetime | None = None
    disposition: str | None = None
    cancelled: bool = False

    @property
    def away(self) -> bool:
        return bool(self.leaves) and self.leaves[-1][1] is None


@dataclass(frozen=True)
class Event:
    """An event, when it happened, the visit after it, and fields of its HL7 message."""

    trigger: str
    at: datetime
    visit: Visit
    v2: dict[str, Any] = field(default_factory=dict)
    retold: bool = False
    """It changes what was: only an Encounter with its whole history says so."""


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S+0000")


def happens(moves: list[tuple[str, str]]) -> list[Event]:
    """The events of a story: each of `moves` names what happens and at which unit, and does nothing where it cannot."""
    at = BEGIN
    visit = Visit(BEGIN, (("ED" if moves and moves[0][0] == "from-ed" else "3W", BEGIN),))
    if visit.units[0][0] == "ED":
        visit = replace(visit, patient_class="E")
    story = [Event("A01", at, visit, {"pv1": {44: stamp(at)}})]
    for what, unit in moves:
        at += HOUR
        event = _next(story, what, unit, at)
        if event is not None:
            story.append(event)
        if story[-1].visit.cancelled:
            break
    return story


def _next(story: list[Event], what: str, unit: str, at: datetime) -> Event | None:
    visit = story[-1].visit
    if visit.ended is not None:
        if what != "discharge-cancelled":
            return None
        return Event("A13", at, replace(visit, ended=None, disposition=None), retold=True)
    match what:
        case "transfer" if unit != visit.units[-1][0] and not visit.away:
            patient_class = "I" if visit.patient_class == "E" else visit.patient_class
            return Event("A02", at, replace(visit, units=(*visit.units, (unit, at)), patient_class=patient_class))
        case "transfer-cancelled" if len(visit.units) > 1 and story[-1].trigger == "A02":
            before = story[-2].visit
            return Event("A12", at, replace(before), retold=True)
        case "leave" if not visit.away and visit.units[-1][0] != "ED":
            return Event("A21", at, replace(visit, leaves=(*visit.leaves, (at, None))))
        case "back" if visit.away:
            return Event("A22", at, replace(visit, leaves=(*visit.leaves[:-1], (visit.leaves[-1][0], at))))
        case "discharge":
            return Event("A03", at, replace(visit, ended=at, disposition="01"), {"pv1": {45: stamp(at), 36: "01"}})
        case "begin-corrected" if len(visit.units) == 1 and not visit.leaves:
            begun = visit.begun + timedelta(minutes=30)
            units = ((visit.units[0][0], begun),)
            return Event("A08", at, replace(visit, begun=begun, units=units), {"pv1": {44: stamp(begun)}}, retold=True)
        case "cancelled" if len(visit.units) == 1:
            return Event("A11", at, replace(visit, cancelled=True))
    return None


def by_v2(number: int, event: Event, visit: str = "V1", mrn: str = MRN) -> bytes:
    """The event as an HL7 message."""
    pv1 = {2: event.visit.patient_class, **event.v2.get("pv1", {})}
    unit = event.visit.units[-1][0]
    pid = {3: f"{mrn}^^^GH^MR"}
    return er7(event.trigger, stamp(event.at), control_id=f"C{number}", unit=unit, visit=visit, pv1=pv1, pid=pid)


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def by_fhir(event: Event, *, lean: bool = False, visit: str = "V1", mrn: str = MRN) -> dict[str, Any]:
    """The visit after the event as an Encounter: with its history, or `lean`: as it is now alone."""
    now, period = event.visit, {"start": instant(event.visit.begun)}
    if now.ended:
        period["end"] = instant(now.ended)
    told: dict[str, Any] = {
        "resourceType": "Encounter",
        "meta": {"lastUpdated": instant(event.at)},
        "identifier": [{"value": visit}],
        "status": _status(now),
        "class": {"code": CLASSES[now.patient_class]},
        "subject": {"reference": "#p"},
        "contained": [
            {
                "resourceType": "Patient",
                "id": "p",
                "identifier": [{"system": "GH", "value": mrn, "type": {"coding": [{"code": "MR"}]}}],
                "name": [{"family": "Doe", "given": ["Jane"]}],
                "birthDate": "1980-02-14",
            }
        ],
        "period": period,
        "serviceProvider": {"display": "GOODHEALTH"},
        "location": [_place(*one) for one in now.units] if not lean else [_place(now.units[-1][0])],
    }
    if now.disposition:
        told["hospitalization"] = {"dischargeDisposition": {"coding": [{"code": now.disposition}]}}
    if not lean:
        told["statusHistory"] = _history(now)
    return told


def _status(now: Visit) -> str:
    if now.cancelled:
        return "cancelled"
    return "finished" if now.ended else "onleave" if now.away else "in-progress"


def _place(unit: str, since: datetime | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"identifier": {"value": unit}}}
    return {**found, "period": {"start": instant(since)}} if since else found


def _history(now: Visit) -> list[dict[str, Any]]:
    changes: list[tuple[str, datetime]] = [("in-progress", now.begun)]
    for away, back in now.leaves:
        changes.append(("onleave", away))
        if back:
            changes.append(("in-progress", back))
    if now.ended:
        changes.append(("finished", now.ended))
    return [
        {"status": status, "period": {"start": instant(at), "end": instant(until)}}
        for (status, at), (_, until) in pairwise(changes)
    ]


def v2_message(number: int, event: Event) -> VisitMessage:
    return VisitMessage(read(by_v2(number, event), NOW, SITE), f"m{number}", NOW)


def fhir_message(number: int, event: Event, *, lean: bool = False) -> VisitMessage:
    resource = found(orjson.dumps(by_fhir(event, lean=lean)))
    told = ToldResource(resource, Resources([resource]), f"C{number}")
    return VisitMessage(read_encounter(told, FHIR_SITE, NOW).adt, f"m{number}", NOW)
