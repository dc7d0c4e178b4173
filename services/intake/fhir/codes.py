"""FHIR's codes → those that HL7 v2 has for the same: one table each. What is in none goes on as it was sent.

Those of discharge-disposition are in shared/fhir/billed_codes.py, which placement tells by, too.

Sources: HL7 v2-to-FHIR implementation guide; HL7 table 0004, 0007 and 0023; UB-04 FL15.
docs/connect-by-fhir.md shows the tables, and a test compares it with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from shared.fhir import billed_codes
from shared.fhir.elements import CodeableConcept, Coding

State = Literal["planned", "open", "on-leave", "ended", "taken-back"]
STATUS: Mapping[str, State] = {
    "planned": "planned",
    "arrived": "open",
    "triaged": "open",
    "in-progress": "open",
    "onleave": "on-leave",
    "finished": "ended",
    "completed": "ended",  # FHIR R5's word, which some send in R4
    "cancelled": "taken-back",
    "entered-in-error": "taken-back",
    "unknown": "open",
}
"""Encounter.status → how the visit stands."""
CLASS: Mapping[str, str] = {
    "IMP": "I",
    "ACUTE": "I",
    "NONAC": "I",
    "EMER": "E",
    "OBSENC": "O",
    "AMB": "O",
    "SS": "O",
    "HH": "O",
    "FLD": "O",
    "VR": "O",
    "PRENC": "P",
}
"""Encounter.class (v3-ActCode) → PV1-2."""
PRIORITY: Mapping[str, str] = {"EM": "E", "UR": "U", "A": "U", "S": "E", "EL": "C", "R": "R"}
"""Encounter.priority (v3-ActPriority) → PV1-4."""
ADMIT_SOURCE: Mapping[str, str] = {
    "hosp-trans": "4",
    "emd": "7",
    "outp": "2",
    "gp": "2",
    "mp": "2",
    "nursing": "5",
    "psych": "4",
    "rehab": "6",
    "other": "9",
}
"""Encounter.hospitalization.admitSource (admit-source) → PV1-14."""
DIAGNOSIS_USE: Mapping[str, str] = {"AD": "A", "DD": "F"}
"""Encounter.diagnosis.use (diagnosis-role) → DG1-6; any other role is a working diagnosis."""
SYSTEMS: Mapping[str, str] = {
    "http://hl7.org/fhir/sid/icd-10-cm": "I10",
    "http://hl7.org/fhir/sid/icd-10": "I10",
    "http://hl7.org/fhir/sid/icd-9-cm": "I9",
    "http://snomed.info/sct": "SCT",
}
"""System of a diagnosis's code → DG1-3.3; any other goes on as it was sent."""
GENDER: Mapping[str, str] = {"male": "M", "female": "F", "other": "O", "unknown": "U"}
"""Patient.gender → PID-8."""
EVENTS: Mapping[str, str] = {"admit": "start", "discharge": "end", "transfer": "move"}
"""What a cancel in MessageHeader.event names → what it takes back."""
US_SSN, US_NPI = "http://hl7.org/fhir/sid/us-ssn", "http://hl7.org/fhir/sid/us-npi"


def code(coding: Coding | None, table: Mapping[str, str]) -> str | None:
    """A coding by a table; as it was sent where it is in none of its rows."""
    text = coding.code if coding else None
    return (table.get(text) or table.get(text.upper(), text)) if text else None


def disposition(one: CodeableConcept | None) -> str | None:
    """A dischargeDisposition as PV1-36: a code of a system that has the same codes, else by FHIR's table."""
    return of_systems(one, *billed_codes.VERBATIM) or concept(one, billed_codes.STATUS_OF)


def of_systems(one: CodeableConcept | None, *systems: str) -> str | None:
    """The first code of a concept that is of one of these systems, as it is."""
    return next((each.code for each in (one.coding if one else ()) if each.code and each.system in systems), None)


def concept(one: CodeableConcept | None, table: Mapping[str, str]) -> str | None:
    """The first code of a concept that the table has, else the first code, else its words."""
    if one is None:
        return None
    codes = [each.code for each in one.coding if each.code]
    known = next((table[each] for each in codes if each in table), None)
    return known or next(iter(codes), None) or one.text or next(_displays(one.coding), None)


def _displays(codings: Iterable[Coding]) -> Iterator[str]:
    return (each.display for each in codings if each.display)


def has(one: CodeableConcept | None, *codes: str) -> bool:
    """Whether a concept has one of these codes."""
    return one is not None and any(each.code in codes for each in one.coding)
