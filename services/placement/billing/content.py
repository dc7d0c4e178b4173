"""What a service period says, as its published type. Which days it has is in days.py.

Its authorizations and warnings are added in periods.py, since they depend on all periods of the episode.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, day_of
from services.placement.billing.model import NOT_AVAILABLE, UNKNOWN_PAYER
from services.placement.billing.stretches import BilledStretch
from services.placement.continuum.model import BY_VISIT, Ending, Folded, StayState
from shared.events.base import PatientNumber, Stay
from shared.events.billing import (
    BilledAdmission,
    BilledProgram,
    Diagnosis,
    DiagnosisType,
    Leave,
    PeriodContent,
    ServiceDay,
    SiteCode,
)
from shared.events.stays import Service
from shared.site.billed import STILL_A_PATIENT, BilledAs, BilledCode

_A_STATUS = re.compile(r"(?!30)[0-9]{2}")
"""A code that is a patient status of an ended stay; 30 means that the patient is still there."""
UNKNOWN = "unknown"
"""What intake states for a code that is in no table of the site (contract 2)."""


class BilledStay(NamedTuple):
    """What all periods of a stay have in common, and the services of its attended days, by day."""

    folded: Folded
    stay: StayState
    zone: ZoneInfo
    patient: PatientNumber | None
    admission: BilledAdmission
    diagnoses: tuple[Diagnosis, ...]
    services: Mapping[date, tuple[Service, ...]]


def of_stay(folded: Folded, stay: StayState, zone: ZoneInfo) -> BilledStay:
    """What all periods of this stay have in common. `zone`: the facility's."""
    visits = _visits_of(folded, stay) if stay.sessions and stay.key[0] == "placement" else ()
    return BilledStay(
        folded,
        stay,
        zone,
        _patient(folded, stay),
        BilledAdmission(
            at=local(stay.segments[0].since, zone),
            type=_known(stay.admission.type),
            source=_known(stay.admission.source),
        ),
        _diagnoses(*visits, stay),
        services_by_day(stay) if stay.sessions else {},
    )


def of_stretch(
    one: BilledStay, stretch: BilledStretch, billed: BilledAs, *, ended: Ending | None, status: str | None
) -> PeriodContent:
    """The content of one period of a stay, still without authorizations and warnings. `billed`: how its place is
    billed. `ended`: the end of the stay, for the last period of an ended stay; `status`: the patient status told of
    that end."""
    stay, zone = one.stay, one.zone
    kind, name = stay.key
    return PeriodContent(
        episode_id=one.folded.episode_id,
        patient=one.patient,
        patient_id=one.folded.patient_id or None,
        stay=Stay(kind=kind, id=name),
        visit_number=stay.visit_number,
        level=stretch.level,
        facility=stay.facility,
        program=BilledProgram(id=billed.program or stretch.segment.program, npi=billed.npi, bill_type=billed.bill_type),
        claim_form=billed.claim_form,
        payer=stretch.cover.payer,
        coverage=stretch.cover.coverage,
        admission=one.admission,
        start_date=stretch.start,
        end_date=None if stretch.end == FOREVER else stretch.end,
        discharged_at=local(ended.at, zone) if ended else None,
        patient_status=(status or billed.unmapped_status) if ended else STILL_A_PATIENT,
        leave=_leave(stay, stretch, zone) if stay.away else (),
        diagnoses=one.diagnoses,
        attending_npi=stay.attending_npi,
        certifications=certifications(one.folded, stay, stretch.start, stretch.end)
        if one.folded.certifications
        else (),
        days=_days(one.services, stretch) if one.services else (),
        codes=tuple(chain.from_iterable(_codes(code, stay, stretch, zone) for code in billed.codes))
        if billed.codes
        else (),
    )


def _days(services: Mapping[date, tuple[Service, ...]], stretch: BilledStretch) -> tuple[ServiceDay, ...]:
    return tuple(
        [ServiceDay(date=day, services=given) for day, given in services.items() if stretch.start <= day < stretch.end]
    )


def _codes(code: BilledCode, stay: StayState, stretch: BilledStretch, zone: ZoneInfo) -> Iterator[SiteCode]:
    """A code of the site's table with the days that go with it; of leaves, one for each."""
    spans: list[tuple[date | None, date | None]] = [(None, None)]
    if code.of == "period":
        spans = [(stretch.start, _day_before(stretch.end))]
    elif code.of == "stay":
        spans = [(day_of(stay.begun, zone), day_of(stay.ended.at, zone) if stay.ended else None)]
    elif code.of == "leave":
        spans = [(one.begins, _day_before(one.to)) for one in _leave(stay, stretch, zone)]
    for begins, to in spans:
        yield SiteCode(system=code.system, code=code.code, begins=begins, to=to, value=code.value)


def _day_before(end: date | None) -> date | None:
    """The last day of days that end before `end`; None: they go on."""
    return None if end is None or end == FOREVER else end - timedelta(days=1)


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """The instant in the facility's time, with a fixed offset instead of the zone.

    In an hour that a zone has twice, a datetime with a zone never equals one with an offset: a bill that was stored and
    read would then differ from the same bill made anew.
    """
    there = at.astimezone(zone)
    offset = there.utcoffset()
    return there.replace(tzinfo=timezone(offset), fold=0) if offset is not None else there


def told_status(end: Ending, billed: BilledAs) -> str | None:
    """The NUBC patient status of the end of a stay, by the site's table; None where the table has none for it.

    Facts of the first version hold the disposition's code as it was sent; two digits there are the status itself.
    """
    said = end.disposition
    if said is None:
        return billed.status_of((end.reason, end.how))
    code_says = said.code if said.code and _A_STATUS.fullmatch(said.code) else None
    return said.patient_status or code_says or billed.status_of((end.reason, said.kind, end.how))


def unmapped(stay: StayState, stretch: BilledStretch, *, no_status: bool) -> frozenset[str]:
    """The warnings for what the period would say and no table of the site has: admission type and source, payer, and
    the patient status of an end (contract 4). `no_status`: the period has an end without a patient status."""
    found = []
    if stay.admission.type == UNKNOWN:
        found.append("unmapped-admission-type")
    if stay.admission.source == UNKNOWN:
        found.append("unmapped-admission-source")
    if any(one.payer == UNKNOWN_PAYER for one in stretch.cover.coverage):
        found.append("unmapped-payer")
    if no_status:
        found.append("unmapped-patient-status")
    return frozenset(found)


def _known(code: str | None) -> str | None:
    return NOT_AVAILABLE if code == UNKNOWN else code


def certifications(folded: Folded, stay: StayState, start: date, end: date) -> tuple[dict[str, Any], ...]:
    """The certifications of the stay, or of no stay in particular, that share a day with [start, end); by their
    days."""
    names = {stay.key, *stay.aliases}
    found = [
        told
        for told in folded.certifications
        if (told.stay is None or (told.stay.kind, told.stay.id) in names) and told.begins < end and start <= told.to
    ]
    found.sort(key=lambda one: (one.begins, one.to, one.kind))
    return tuple(
        {"kind": one.kind, "from": one.begins.isoformat(), "to": one.to.isoformat(), "npi": one.npi} for one in found
    )


def services_by_day(stay: StayState) -> dict[date, tuple[Service, ...]]:
    """Attended day → its services; days in order, services in the order of the sessions."""
    found: dict[date, tuple[Service, ...]] = {}
    for session in stay.sessions:
        if session.attended:
            found[session.day] = found.get(session.day, ()) + session.services
    return dict(sorted(found.items()))


def _patient(folded: Folded, stay: StayState) -> PatientNumber | None:
    """The patient's record number with the stay, else the latest one with another stay at the same facility, since a
    program's start has none; None where there is none."""
    if stay.patient:
        return stay.patient
    others = (other.patient for other in reversed(folded.stays) if other.facility == stay.facility)
    return next((number for number in others if number), None)


def _visits_of(folded: Folded, stay: StayState) -> tuple[StayState, ...]:
    """The visits that are days of this stay, by their beginnings, where a program's daily accounts are one stay."""
    days = {session.session_id for session in stay.sessions}
    found = [one for one in folded.stays if one.key[0] == "visit" and BY_VISIT + one.key[1] in days]
    return tuple(sorted(found, key=attrgetter("begun", "key"))) if found else ()


def _diagnoses(*stays: StayState) -> tuple[Diagnosis, ...]:
    """The diagnoses of these stays by rank, then by code, each once; where several stays tell a code, as the last of
    them has it."""
    last = {(one.system, one.code): stay for stay in stays for one in stay.diagnoses}
    found: dict[tuple[int, str, str], set[bool]] = {}
    for stay in stays:
        for one in stay.diagnoses:
            if last[one.system, one.code] is stay:
                found.setdefault((one.rank, one.system, one.code), set()).add(one.status in _ADMITTING)
    return tuple(
        Diagnosis(system=system, code=code, rank=rank, type=_type(rank, admitting))
        for (rank, system, code), admitting in sorted(found.items())
    )


_ADMITTING = frozenset({"A", "admitting"})
"""The status of an admitting diagnosis (DG1-6, HL7 table 0052), as hospitals and as the desk tell it."""


def _type(rank: int, admitting: Collection[bool]) -> DiagnosisType:
    """What a diagnosis is on a claim; one that is told as the admitting one and as another too is that other one."""
    if all(admitting):
        return "admitting"
    return "principal" if rank == 1 else "other"


def _leave(stay: StayState, stretch: BilledStretch, zone: ZoneInfo) -> tuple[Leave, ...]:
    """The leaves inside the stretch, each from the day of going to the day of return, exclusive; a return on the same
    day is no leave."""
    found: list[Leave] = []
    for away in stay.away:
        begins = max(day_of(away.since, zone), stretch.start)
        to = min(day_of(away.until, zone) if away.until else FOREVER, stretch.end)
        if begins < to:
            found.append(Leave(begins=begins, to=None if to == FOREVER else to, kind=away.kind))
    return tuple(found)
