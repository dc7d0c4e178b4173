"""What a service period says, as plain JSON values in the shape of a published ServicePeriod; no rule of days.

What is authorized of it is for `authorizations`, which sees all periods of the episode.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, day_of
from services.placement.billing.model import NOT_AVAILABLE, STILL_PATIENT, UNKNOWN_PAYER
from services.placement.billing.stretches import BilledStretch
from services.placement.continuum.model import Ending, Folded, StayState
from shared.facts.envelope import rfc3339
from shared.site.config import BilledAs

_A_STATUS = re.compile(r"(?!30)[0-9]{2}")
"""A patient status by itself; 30 is no end."""
UNKNOWN = "unknown"
"""What intake states of a code that is in no table of the site (contract 2)."""


def of_stay(folded: Folded, stay: StayState, zone: ZoneInfo) -> dict[str, Any]:
    """What all periods of a stay have in common."""
    admission = {name: _known(stay.admission.get(name)) for name in ("type", "source")}
    return _present(
        episode_id=folded.episode_id,
        patient=_patient(folded, stay),
        stay={"kind": stay.kind, "id": stay.id},
        visit_number=stay.visit_number,
        facility=stay.facility,
        admission=_present(at=rfc3339(stay.begun.astimezone(zone)), **admission),
        diagnoses=_diagnoses(stay),
        attending_npi=stay.attending_npi,
    )


def of_stretch(
    stay: StayState,
    stretch: BilledStretch,
    zone: ZoneInfo,
    billed: BilledAs,
    services: dict[date, list[dict[str, Any]]],
) -> dict[str, Any]:
    """What is the stretch's own. `services` are those of all attended days of the stay, in order."""
    return _present(
        level=stretch.segment.level,
        program=_present(id=billed.program or stretch.segment.program, npi=billed.npi, bill_type=billed.bill_type),
        claim_form=billed.claim_form,
        payer=stretch.cover.payer,
        coverage=list(stretch.cover.coverage),
        start_date=stretch.start.isoformat(),
        end_date=None if stretch.end == FOREVER else stretch.end.isoformat(),
        patient_status=STILL_PATIENT,
        leave=_leave(stay, stretch, zone),
        days=[
            {"date": day.isoformat(), "services": given}
            for day, given in services.items()
            if stretch.start <= day < stretch.end
        ],
        codes=[{"system": system, "code": code} for system, code in billed.codes],
    )


def of_end(stay: StayState, zone: ZoneInfo, billed: BilledAs) -> dict[str, Any]:
    """What the last period of an ended stay says of its end."""
    if stay.ended is None:
        return {}
    return {
        "discharged_at": rfc3339(stay.ended.at.astimezone(zone)),
        "patient_status": told_status(stay.ended, billed) or billed.unmapped_status,
    }


def told_status(end: Ending, billed: BilledAs) -> str | None:
    """The patient status that the end says, by the site's table; None where nothing says one.

    Facts of the first version have the code as sent: two digits are a status of their own.
    """
    said = end.disposition or {}
    code = said.get("code")
    code_says = code if isinstance(code, str) and _A_STATUS.fullmatch(code) else None
    return said.get("patient_status") or code_says or billed.status_of((end.reason, said.get("kind"), end.how))


def unmapped(stay: StayState, stretch: BilledStretch, billed: BilledAs, *, last: bool) -> frozenset[str]:
    """A warning for each thing of the stretch that was said and is in no table of the site, and of an end that says no
    patient status (contract 4)."""
    payers = {one["payer"] for one in stretch.cover.coverage}
    found = {
        "unmapped-admission-type": stay.admission.get("type") == UNKNOWN,
        "unmapped-admission-source": stay.admission.get("source") == UNKNOWN,
        "unmapped-payer": UNKNOWN_PAYER in payers,
        "unmapped-patient-status": last and stay.ended is not None and told_status(stay.ended, billed) is None,
    }
    return frozenset(word for word, so in found.items() if so)


def _known(code: str | None) -> str | None:
    return NOT_AVAILABLE if code == UNKNOWN else code


def certifications(folded: Folded, stay: StayState, start: date, end: date) -> list[dict[str, Any]]:
    """Those of the stay, or of no stay in particular, that share a day with [start, end); by days."""
    names = {stay.key, *stay.aliases}
    found: list[dict[str, Any]] = [
        {name: told[name] for name in ("kind", "from", "to", "npi") if name in told}
        for told in folded.certifications
        if ("stay" not in told or (told["stay"]["kind"], told["stay"]["id"]) in names)
        and date.fromisoformat(told["from"]) < end
        and start <= date.fromisoformat(told["to"])
    ]
    return sorted(found, key=lambda one: (one["from"], one["to"], one["kind"]))


def services_by_day(stay: StayState) -> dict[date, list[dict[str, Any]]]:
    """The services of each attended day, days in order, services in the fold's order of sessions."""
    found: dict[date, list[dict[str, Any]]] = {}
    for session in stay.sessions:
        if session.attended:
            found.setdefault(session.day, []).extend(session.services)
    return dict(sorted(found.items()))


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _patient(folded: Folded, stay: StayState) -> dict[str, Any] | None:
    """The stay's own number, else the latest that the same facility told: a program's start carries none."""
    if stay.patient:
        return stay.patient
    told = (other.patient for other in reversed(folded.stays) if other.facility == stay.facility and other.patient)
    return next(told, None)


def _diagnoses(stay: StayState) -> list[dict[str, Any]]:
    """By rank, then by code; the same one told twice is one."""
    found = {(one.get("rank", 1), one["system"], one["code"]) for one in stay.diagnoses}
    return [{"system": system, "code": code, "rank": rank} for rank, system, code in sorted(found)]


def _leave(stay: StayState, stretch: BilledStretch, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Leave inside the stretch: from the day of going to the day of return, exclusive; none where they are the same."""
    found = []
    for away in stay.away:
        begins = max(day_of(away.since, zone), stretch.start)
        to = min(day_of(away.until, zone) if away.until else FOREVER, stretch.end)
        if begins < to:
            until = None if to == FOREVER else to.isoformat()
            found.append(_present(**{"from": begins.isoformat(), "to": until, "kind": away.kind}))
    return found
