"""The fields that are more than text: patient ids, locations, the attending, diagnoses, payers, names; no rules."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Literal

from services.intake.hl7.model import NOWHERE, REMOVED, Diagnosis, Location, PatientId, Payer, Removed
from services.intake.hl7.parser import NULL, Message
from services.intake.hl7.timestamps import read_day

_LONGEST = 200
"""What the published language takes as a code or an identifier."""
_YES_OR_NO: dict[str, Literal["Y", "N"]] = {"Y": "Y", "N": "N"}


def short(text: str) -> str:
    """At most 200 characters; a longer one keeps its beginning and a digest, so that two stay different."""
    return text if len(text) <= _LONGEST else f"{text[:160]}~{sha256(text.encode()).hexdigest()[:32]}"


def code(message: Message, name: str, field: int) -> str | None:
    """The first component of a field; None where it says nothing, or `""`."""
    text = message.get(name, field)
    if not text or text == NULL:
        return None
    return text if len(text) <= _LONGEST else short(text)


def told(message: Message, name: str, field: int) -> str | Removed | None:
    """The first component of a field; REMOVED for `""`."""
    text = message.get(name, field)
    if text == NULL:
        return REMOVED
    return text or None if len(text) <= _LONGEST else short(text)


def patient_ids(message: Message, name: str, field: int) -> tuple[PatientId, ...]:
    """Every repetition of a CX field that has an id: id, authority (namespace, else universal id), type, CX.4.2."""
    segment = message.first(name)
    if segment is None:
        return ()
    found = []
    for repetition in segment.repetitions(field):
        number, _, _, authority, kind = [*message.components(repetition), "", "", "", ""][:5]
        if number and number != NULL:
            universal = _said(message.part(repetition, 4, 2))
            found.append(PatientId(short(number), _said(authority) or universal, _said(kind), universal))
    return tuple(found)


def _said(text: str) -> str | None:
    """A component; None where it says nothing, or `""`."""
    if not text or text == NULL:
        return None
    return text if len(text) <= _LONGEST else short(text)


def visit_number(message: Message) -> str | None:
    """PV1-19, else PID-18 (contract 6)."""
    return code(message, "PV1", 19) or code(message, "PID", 18)


def location(message: Message, field: int) -> Location:
    """PV1-3 or PV1-6 as point of care, room, bed, facility."""
    segment = message.first("PV1")
    if segment is None or not segment.raw(field):
        return NOWHERE
    found = [_said(text) for text in segment.components(field)[:4]]
    return Location(*found, *NOWHERE[len(found) :])


def attending(message: Message) -> str | Removed | None:
    """The NPI in PV1-7: the repetition that says so (XCN.9 or XCN.13), else one of ten digits that begins like one."""
    segment = message.first("PV1")
    if segment is None:
        return None
    if segment.get(7) == NULL:
        return REMOVED
    likely: str | None = None
    for repetition in segment.repetitions(7):
        number = message.part(repetition)
        if number and "NPI" in (message.part(repetition, 9).upper(), message.part(repetition, 13).upper()):
            return short(number)
        if likely is None and len(number) == 10 and number.isdigit() and number.isascii() and number[0] in "12":
            likely = number
    return likely


def deceased(message: Message) -> bool:
    """PID-30 says yes, or PID-29 has a time of death."""
    return death(message) == "Y" or code(message, "PID", 29) is not None


def death(message: Message) -> Literal["Y", "N"] | Removed | None:
    """PID-30; None where it says neither (HL7 table 0136)."""
    found = told(message, "PID", 30)
    return found if isinstance(found, Removed) else _YES_OR_NO.get((found or "").upper())


def diagnoses(message: Message) -> tuple[Diagnosis, ...] | Removed | None:
    """DG1 in the order sent; None where none has a code. Free text is not taken."""
    found: list[Diagnosis] = []
    for segment in message.all("DG1"):
        value = segment.get(3)
        if value == NULL:
            return REMOVED
        if value:
            system = segment.get(3, 3) or segment.get(2) or "unknown"
            found.append(Diagnosis(len(found) + 1, short(value), short(system), short(segment.get(6)) or None))
    return tuple(found) or None


def coverage(message: Message) -> tuple[Payer, ...] | Removed | None:
    """IN1 in the order sent; None where none names a payer."""
    found: list[Payer] = []
    for segment in message.all("IN1"):
        payer = segment.get(3)
        if payer == NULL:
            return REMOVED
        if payer:
            plan = segment.get(2)
            since = read_day(segment.get(12))
            found.append(Payer(len(found) + 1, short(payer), short(plan) if plan not in {"", NULL} else None, since))
    return tuple(found) or None


def birth_date(message: Message) -> date | None:
    """PID-7, where it is a whole date."""
    pid = message.first("PID")
    return read_day(pid.get(7)) if pid else None
