"""Codes that a hospital sends → codes of the site's tables; one that is in no table becomes `unknown`, and is listed.

Contract 2. Dispositions, type and source of admission, payers and plans. The code as it was sent stays in intake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.intake.hl7.model import Adt, SiteMap
from shared.events.base import Admission, Disposition

UNKNOWN = "unknown"


class Unmapped(NamedTuple):
    """A code that is in no table of the site: of which kind, in which field it came, and the code as sent."""

    kind: str
    field: str
    code: str


def admission(adt: Adt, site: SiteMap) -> Admission:
    """PV1-4 and PV1-14 as the codes of a bill; None for one that the message lacks."""
    kind, source = adt.admission_type, adt.admission_source
    return Admission(
        type=site.admission_type(kind) if isinstance(kind, str) else None,
        source=site.admission_source(source) if isinstance(source, str) else None,
    )


def disposition(adt: Adt, site: SiteMap) -> Disposition:
    """PV1-36 by the site's table, else PV1-37, where the patient went, by the same. Where both give `unknown`, and PID
    tells a death, the kind is `deceased`."""
    code, place = adt.disposition, adt.discharged_to
    found = site.disposition(adt.facility, code if isinstance(code, str) else None)
    if found.kind == UNKNOWN and isinstance(place, str):
        there = site.disposition(adt.facility, place)
        found = found if there.kind == UNKNOWN else there
    if found.kind == UNKNOWN and adt.deceased:
        return Disposition(code=found.code, kind="deceased", patient_status=site.status_of("deceased"))
    return found


def diagnosis_type(sent: str | None) -> str:
    """DG1-6 as HL7 table 0052 has it: A, W or F (admitting, working, final); `unknown` for anything else."""
    return _DIAGNOSIS_TYPES.get((sent or "").upper(), UNKNOWN)


_DIAGNOSIS_TYPES = {"A": "A", "ADMITTING": "A", "W": "W", "WORKING": "W", "F": "F", "FINAL": "F"}


def unmapped(said: Iterable[Adt], site: SiteMap) -> tuple[Unmapped, ...]:
    """The codes of these messages that are in no table, each once, in the order of the messages."""
    found: dict[Unmapped, None] = {}
    for adt in said:
        found |= dict.fromkeys(_unmapped(adt, site))
    return tuple(found)


def _unmapped(adt: Adt, site: SiteMap) -> list[Unmapped]:
    """The codes of one message that are in no table of the site."""
    told: list[Unmapped] = []
    code, kind, source = adt.disposition, adt.admission_type, adt.admission_source
    if isinstance(code, str) and site.disposition(adt.facility, code).code == UNKNOWN:
        told.append(Unmapped("disposition", "PV1-36", code))
    if isinstance(kind, str) and site.admission_type(kind) == UNKNOWN:
        told.append(Unmapped("admission-type", "PV1-4", kind))
    if isinstance(source, str) and site.admission_source(source) == UNKNOWN:
        told.append(Unmapped("admission-source", "PV1-14", source))
    for one in adt.coverage if isinstance(adt.coverage, tuple) else ():
        found = site.payer(one)
        if found.payer == UNKNOWN:
            told.append(Unmapped("payer", "IN1-3", one.payer))
        elif one.plan and found.plan == UNKNOWN:
            told.append(Unmapped("plan", "IN1-2", one.plan))
    return told
