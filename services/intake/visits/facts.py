"""Makes the facts that ought to stand of a visit's stays, under keys that are the same whenever they are derived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from services.intake.hl7.model import Adt, Moment, PatientId, SiteMap
from services.intake.hl7.timestamps import read_moment
from services.intake.visits import codes
from services.intake.visits.desired import DesiredFact, FactKey, StayHeading, stay_heading
from services.intake.visits.plans import Plan, plan
from services.intake.visits.snapshots import coverage, diagnoses
from services.intake.visits.stays import At, Step
from services.intake.visits.stays import Stay as WalkedStay
from services.intake.visits.updates import Update, amended, begin_as_told, messages_of
from shared.events import CareFact, Stay
from shared.events.base import Admission, PatientNumber, Place
from shared.events.levels import Level
from shared.events.planning import DischargePlanCancelled, DischargePlanned
from shared.events.stays import (
    Admitted,
    CoverageChanged,
    DiagnosisRecorded,
    Discharged,
    LeaveEnded,
    LeaveKind,
    LeaveStarted,
    Transferred,
    VisitEnded,
    VisitStarted,
)


def stay_facts(stay: WalkedStay, stay_id: str, updates: list[Update], site: SiteMap) -> list[DesiredFact]:
    """A fact for each step of a stay, in clinical order, with what later A08 and A31 changed in it."""
    found: list[DesiredFact] = []
    seen: dict[FactKey, int] = {}
    if updates:
        begin_as_told(stay, updates)
    of, visit = Stay(kind="visit", id=stay_id), stay_id.removesuffix(f"#{stay.number}")
    for step in stay.steps:
        key: FactKey = (step.fact, stay_id)
        if step.fact in _SEVERAL:
            key += (step.at.astimezone(UTC).isoformat(),)
        seen[key] = seen.get(key, 0) + 1
        again = (str(seen[key]),) if seen[key] > 1 else ()
        said, adt, at = step.statement.said, step.statement.said.adt, step.at
        if updates:
            adt, said = amended(step.statement, updates, step.at)
            at = _at(step, adt, stay)
        value = _value(step, adt, visit, stay_heading(at, of), site)
        found.append(DesiredFact(key + again, value, said.adt.stated_at, said.message_id))
    return found


_SEVERAL = frozenset({"transferred", "leave-started", "leave-ended"})
"""What may happen several times in a stay is told apart by its time."""


def _at(step: Step, adt: Adt, stay: WalkedStay) -> datetime:
    """When a step happened: the end at PV1-45 as a later update told it, unless that is before the step before it."""
    told = adt.discharged
    if stay.steps[-1] is not step or adt is step.statement.said.adt or not isinstance(told, Moment):
        return step.at
    before = stay.steps[-2].at if len(stay.steps) > 1 else told.end
    return told.end if step.fact in {"discharged", "visit-ended"} and told.end >= before else step.at


def _value(step: Step, adt: Adt, visit: str, about: StayHeading, site: SiteMap) -> CareFact:
    """The fact that a step is; `visit` is the visit's id."""
    place = step.after
    match step.fact:
        case "visit-started":
            unit = step.statement.mapped
            return _visit_started(place, adt, about, site if unit and unit.one_stay else None)
        case "admitted":
            return _admitted(place, adt, visit, about, site)
        case "transferred":
            return Transferred(**about, origin=_place(step.before), to=_place(place))
        case "leave-started" | "leave-ended":
            kind = LeaveStarted if step.fact == "leave-started" else LeaveEnded
            return kind(**about, kind=leave_kind(adt.event_reason), expected_return=_expected_return(adt))
        case "discharged":
            return Discharged(**about, level=_level(place), disposition=codes.disposition(adt, site))
        case "visit-ended":
            return VisitEnded(**about, disposition=codes.disposition(adt, site))


def _visit_started(place: At, adt: Adt, about: StayHeading, site: SiteMap | None) -> VisitStarted:
    """`site`: where the visit is a day of a program's stay, whose bill has its admission codes."""
    told = codes.admission(adt, site) if site else Admission()
    return VisitStarted(
        **about,
        visit_class=place.visit_class or "other",
        unit=place.unit,
        visit_number=adt.visit_number,
        patient=_patient(adt),
        admission=told if told != Admission() else None,
    )


def _admitted(place: At, adt: Adt, visit: str, about: StayHeading, site: SiteMap) -> Admitted:
    return Admitted(
        **about,
        level=_level(place),
        visit_number=adt.visit_number or visit,
        unit=place.unit or "",
        program=place.program,
        setting=place.setting,
        admission=codes.admission(adt, site),
        age_years=adt.age_years,
        patient=_patient(adt),
        attending_npi=adt.attending_npi if isinstance(adt.attending_npi, str) else None,
    )


def leave_kind(reason: str | None) -> LeaveKind:
    """EVN-4 as a kind of leave: the kind's name, or 02 of HL7 table 0062 (physician's order); all else is `other`."""
    return _LEAVES.get((reason or "").lower(), "other")


_LEAVES: dict[str, LeaveKind] = {
    "02": "therapeutic",
    "therapeutic": "therapeutic",
    "medical": "medical",
    "elopement": "elopement",
}


def mrn(ids: tuple[PatientId, ...]) -> PatientId | None:
    """The medical record number among PID-3: type MR, else the first of a type that may be one, else the first."""
    first: PatientId | None = None
    for one in ids:
        if one.type == "MR":
            return one
        if first is None and one.type not in _NO_RECORD_NUMBER:
            first = one
    return first or (ids[0] if ids else None)


_NO_RECORD_NUMBER = frozenset({"SS", "SSN", "AN", "VN", "DL", "PPN"})
"""HL7 table 0203: numbers of social security, accounts, visits, driver's licenses and passports."""


def _patient(adt: Adt) -> PatientNumber | None:
    number = mrn(adt.patient_ids)
    return PatientNumber(mrn=number.id, assigning_authority=number.authority) if number else None


def _place(place: At | None) -> Place:
    return Place(unit=place.unit, level=place.level, program=place.program) if place else Place()


def _level(place: At) -> Level:
    """The level of a place. Raises ValueError where it has none; an admission and a discharge have one (`moves`)."""
    if place.level is None:
        raise ValueError("a stay at a level has no level")
    return place.level


def _expected_return(adt: Adt) -> datetime | None:
    return adt.expected_return.start if isinstance(adt.expected_return, Moment) else None


def other_facts(stay: WalkedStay, stay_id: str, updates: list[Update], site: SiteMap) -> list[DesiredFact]:
    """The diagnoses (DG1), the payers (IN1) and the expected discharge (PV2-9) of a stay."""
    said = messages_of(stay, updates)
    of = Stay(kind="visit", id=stay_id)
    found: list[DesiredFact] = []
    keys: set[FactKey] = set()
    for one, by, _ in diagnoses(said):
        about, status = stay_heading(max(by.adt.occurred.start, stay.begun), of), codes.diagnosis_type(one.status)
        value = DiagnosisRecorded(**about, system=one.system, code=one.code, rank=one.rank, status=status)
        key: FactKey = (value.TYPE, stay_id, str(one.rank))
        key = key if key not in keys else (*key, status, one.system, one.code)
        keys.add(key)
        found.append(DesiredFact(key, value, by.adt.stated_at, by.message_id))
    zone = site.zone(stay.steps[0].statement.said.adt.facility)
    for day, (payers, by) in sorted(coverage(said, stay.begun, zone, site).items()):
        begun = max(read_moment(day.isoformat(), zone).start, stay.begun)
        covered = CoverageChanged(**stay_heading(begun, of), effective_from=day, coverage=payers)
        found.append(DesiredFact((covered.TYPE, stay_id, day.isoformat()), covered, by.adt.stated_at, by.message_id))
    if (told := plan(said)) is not None:
        found += _planned(stay, of, told, site)
    return found


def _planned(stay: WalkedStay, of: Stay, told: Plan, site: SiteMap) -> Iterator[DesiredFact]:
    """The expected discharge as it was told last, and its cancellation where it was called off later."""
    planned = DischargePlanned(
        **stay_heading(max(told.by.adt.occurred.start, stay.begun), of),
        expected_at=told.expected.end if told.expected else None,
        disposition=codes.expected_disposition(told.pending.adt, site) if told.pending else None,
    )
    yield DesiredFact((planned.TYPE, of.id), planned, told.by.adt.stated_at, told.by.message_id)
    if told.off is not None:
        off = DischargePlanCancelled(**stay_heading(max(told.off.adt.occurred.start, stay.begun), of))
        yield DesiredFact((off.TYPE, of.id), off, told.off.adt.stated_at, told.off.message_id)
