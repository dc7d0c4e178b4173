"""An Encounter, with what came with it → the values that an ADT message gives.

It tells how a visit stands; visits/whole_visits.py makes statements of that. One that is planned is an expected arrival
(A05), one that was cancelled or entered in error takes the visit back whole (A23); a cancel that the message's event
names is the cancel of HL7.

Sources: FHIR R4 Encounter; HL7 v2-to-FHIR; Da Vinci Unsolicited Notifications (STU1); contract 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import structs

from services.intake.fhir import codes
from services.intake.fhir.common import age, patient_ids_of, patient_of, read_as, said, sender_of, with_death
from services.intake.fhir.groups import coverage_of, diagnoses_of
from services.intake.fhir.model import Clockwork, ReadResource, ResourceRules, ToldResource
from services.intake.fhir.people import person_of
from services.intake.fhir.places import leaves_of, location_of, names_of, organizations_of_places, places_of
from services.intake.fhir.resources import Encounter, NamedResource, PatientResource
from services.intake.hl7.fields import short
from services.intake.hl7.model import NOWHERE, Adt, Location, Moment, PatientId, Refused, WholeVisit
from services.intake.hl7.triggers import DELETED, ENCOUNTER, TELLING, cancelling
from shared.fhir.billed_codes import ADMISSION_SOURCE, ADMISSION_TYPE
from shared.fhir.elements import Identifier, Reference
from shared.fhir.reading import read_or_none

_ATTENDING = ("ATND", "ADM", "PPRF")
"""Types of participant, the surest first, of whom the attending is taken."""
_CANCELLED = {"admit": TELLING["admitted"], "discharge": TELLING["discharged"], "transfer": TELLING["transferred"]}


def read_encounter(told: ToldResource, rules: ResourceRules, arrived_at: datetime) -> ReadResource:
    """What an Encounter says. Raises Refused for one without a status, a patient or a facility, for one whose beginning
    or end can't be read or lies too far ahead; all else that is odd is a warning."""
    encounter = read_as(Encounter, told)
    state = codes.STATUS.get(encounter.status or "")
    if state is None:
        text = "it has no status" if not encounter.status else "R4 has no such status"
        raise Refused("AE", 422, "Encounter.status", 0, text)
    patient = patient_of(encounter.subject, told)
    sender = sender_of(_names(encounter, patient, told), told, rules)
    ids = patient_ids_of(patient, encounter.subject, told, sender.facility, "Encounter.subject")
    clock = Clockwork(sender, rules, arrived_at)
    return _Reading(encounter, patient, told, rules, clock).result(state, ids)


class _Reading:
    """The reading of one Encounter."""

    def __init__(
        self,
        encounter: Encounter,
        patient: PatientResource | None,
        told: ToldResource,
        rules: ResourceRules,
        clock: Clockwork,
    ) -> None:
        self.encounter, self.patient, self.told, self.rules, self.clock = encounter, patient, told, rules, clock

    def result(self, state: codes.State, ids: tuple[PatientId, ...]) -> ReadResource:
        """The values of the message, and what is said of the person."""
        begun, ended = self._period(ends=state == "ended")
        adt = self._said(self._trigger(state), ids)
        stay, encounter = self.encounter.hospitalization, self.encounter
        number, account = self._numbers()
        came = stay.admit_source if stay else None
        adt = structs.replace(
            adt,
            visit_number=_short(number.value) if number else None,
            visit_authority=self.rules.authority(number.system) if number and number.system else None,
            account=_short(account.value) if account else None,
            patient_class=codes.code(encounter.class_, codes.CLASS),
            service=_short(codes.concept(encounter.service_type, {})),
            location=self._now(),
            admission_type=_short(
                codes.of_systems(encounter.priority, ADMISSION_TYPE)
                or codes.concept(encounter.priority, codes.PRIORITY)
            ),
            admission_source=_short(
                codes.of_systems(came, ADMISSION_SOURCE) or codes.concept(came, codes.ADMIT_SOURCE)
            ),
            attending_npi=self._attending(),
            disposition=_short(codes.disposition(stay.discharge_disposition if stay else None)),
            admitted=begun,
            expected_admission=begun if state == "planned" else None,
            discharged=ended,
            diagnoses=diagnoses_of(encounter, self.told),
            coverage=coverage_of(
                encounter,
                self.told,
                self.clock,
                ended.start.astimezone(self.clock.sender.zone).date() if ended and state == "ended" else None,
            ),
            age_years=age(self.patient, (begun or adt.occurred).start, self.clock.sender.zone),
            whole=self._whole(state) if adt.trigger == ENCOUNTER else None,
        )
        adt = with_death(adt, self.patient, self.clock)
        return ReadResource(structs.replace(adt, warnings=tuple(self.clock.warnings)), person_of(self.patient, ids))

    def _said(self, trigger: str, ids: tuple[PatientId, ...]) -> Adt:
        """The message without what it says of the visit."""
        meta = self.encounter.meta
        return said(trigger, ids, self.told, self.clock, meta.last_updated if meta else None)

    def _period(self, *, ends: bool) -> tuple[Moment | None, Moment | None]:
        """Beginning and end; `ends`: the visit has ended. The beginning has to be readable, the end where it has."""
        period = self.encounter.period
        if period is None:
            return None, None
        at = "Encounter.period"
        begun = self.clock.required(period.start, f"{at}.start")
        ended = (self.clock.required if ends else self.clock.moment)(period.end, f"{at}.end")
        if ended is not None and not ends:
            self.clock.warnings.append(f"{at}.end is not used as the end: by its status the visit goes on")
        if begun is not None and ended is not None and ended.end < begun.start:
            self.clock.warnings.append(f"{at}.end is before {at}.start")
        return begun, ended

    def _trigger(self, state: codes.State) -> str:
        """The event that says the same; ENCOUNTER for a visit that is told whole."""
        header = self.told.header
        event = (header.event_coding.code or "" if header.event_coding else header.event_uri or "") if header else ""
        if "cancel" in event:
            for name, trigger in _CANCELLED.items():
                if name in event:
                    return cancelling(trigger)
        if state == "planned":
            return TELLING["arrival-expected"]
        return DELETED if state == "taken-back" else ENCOUNTER

    def _whole(self, state: codes.State) -> WholeVisit:
        places = places_of(self.encounter, self.told, self.clock.sender.facility, self.rules, self.clock)
        stands: Literal["open", "on-leave", "ended"] = "open"
        match state:
            case "on-leave" | "ended":
                stands = state
        return WholeVisit(stands, places, leaves_of(self.encounter, self.clock), _short(self.told.own_id))

    def _now(self) -> Location:
        """The place where the visit is: the one that is active, else the last one told that has not ended."""
        told = [one for one in self.encounter.location if one.status not in {"planned", "reserved"}]
        told = told or list(self.encounter.location)
        here = [one for one in told if one.status == "active"] or [
            one for one in told if not (one.period and one.period.end) and one.status != "completed"
        ]
        for one in [*reversed(here), *reversed(told)]:
            found = location_of(one, self.told, self.clock.sender.facility, self.rules)
            if found.unit:
                return found
        return NOWHERE

    def _numbers(self) -> tuple[Identifier | None, Identifier | None]:
        """The visit's number and the account's: by type, else the official one, else the first."""
        every = [one for one in self.encounter.identifier if one.value and one.value.strip()]
        accounts = [one for one in every if codes.has(one.type, "AN")]
        accounts += [one.identifier for one in self.encounter.account if one.identifier and one.identifier.value]
        numbers = [one for one in every if one not in accounts]
        typed = [one for one in numbers if codes.has(one.type, "VN")]
        in_force = [one for one in numbers if one.use != "old"]
        official = [one for one in in_force if one.use == "official"]
        return next(iter([*typed, *official, *in_force, *numbers]), None), next(iter(accounts), None)

    def _attending(self) -> str | None:
        """The attending's NPI."""
        for role in _ATTENDING:
            for one in self.encounter.participant:
                if any(codes.has(each, role) for each in one.type) and (npi := _npi(one.individual, self.told)):
                    return npi
        return None


def _npi(who: Reference | None, told: ToldResource) -> str | None:
    found = told.resources.resolve(who, told.resource.raw)
    known = read_or_none(NamedResource, found.raw) if found else None
    numbers = [*([who.identifier] if who and who.identifier else []), *(known.identifier if known else ())]
    return next((short(one.value) for one in numbers if one.system == codes.US_NPI and one.value), None)


def _names(encounter: Encounter, patient: PatientResource | None, told: ToldResource) -> Iterator[str]:
    """What the facility may be called by, the surest first."""
    yield from names_of(encounter.service_provider, told)
    yield from organizations_of_places(encounter, told)
    yield from names_of(patient.managing_organization if patient else None, told)


def _short(text: str | None) -> str | None:
    return short(text.strip()) or None if text else None
