"""Reads fields with more than one part: patient ids, locations, the attending, diagnoses, payers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Literal

from services.intake.hl7.model import NOWHERE, REMOVED, Diagnosis, Location, PatientId, Payer, Removed
from services.intake.hl7.parser import NULL, Message
from services.intake.hl7.timestamps import read_day

_LONGEST = 200
"""Characters that a code or an identifier may have in published facts."""
_YES_OR_NO: dict[str, Literal["Y", "N"]] = {"Y": "Y", "N": "N"}


def short(text: str) -> str:
    """A text of at most 200 characters: of a longer one its beginning and a digest, so that two stay different."""
    return text if len(text) <= _LONGEST else f"{text[:160]}~{sha256(text.encode()).hexdigest()[:32]}"


def values(texts: Mapping[str, str]) -> dict[str, str | Removed]:
    """The texts of fields as their values: REMOVED for `""`, none over 200 characters; an empty one is absent."""
    return {
        place: REMOVED if text == NULL else text if len(text) <= _LONGEST else short(text)
        for place, text in texts.items()
        if text
    }


def known(value: str | Removed | None) -> str | None:
    """The value of a field for which `""` means the same as empty: None for both."""
    return None if value is REMOVED else value


def _known(components: Sequence[str]) -> list[str | None]:
    """Components as values, none over 200 characters; None for one that is empty or `""`."""
    return [None if not text or text == NULL else text if len(text) <= _LONGEST else short(text) for text in components]


def patient_ids(message: Message, name: str, field: int) -> tuple[PatientId, ...]:
    """Every repetition of a CX field that has an id: id, authority (namespace, else universal id), type, CX.4.2."""
    segment = message.first(name)
    if segment is None:
        return ()
    found = []
    for repetition, row in zip(segment.repetitions(field), segment.rows(field, 5), strict=True):
        number, _, _, authority, kind = _known(row)
        if number:
            [universal] = _known([message.part(repetition, 4, 2)])
            found.append(PatientId(number, authority or universal, kind, universal))
    return tuple(found)


def location(message: Message, field: int) -> Location:
    """PV1-3 or PV1-6 as point of care, room, bed, facility."""
    segment = message.first("PV1")
    rows = segment.rows(field, 4) if segment else []
    return Location(*_known(rows[0])) if rows else NOWHERE


def attending(message: Message) -> str | Removed | None:
    """The NPI in PV1-7: the repetition that says so (XCN.9 or XCN.13), else one of ten digits that begins like one."""
    segment = message.first("PV1")
    rows = segment.rows(7, 13) if segment else []
    if rows and rows[0][0] == NULL:
        return REMOVED
    likely: str | None = None
    for row in rows:
        number = row[0]
        if number and "NPI" in (row[8].upper(), row[12].upper()):
            return short(number)
        if likely is None and len(number) == 10 and number.isdigit() and number.isascii() and number[0] in "12":
            likely = number
    return likely


def death(value: str | Removed | None) -> Literal["Y", "N"] | Removed | None:
    """PID-30; None where it says neither (HL7 table 0136)."""
    return value if isinstance(value, Removed) else _YES_OR_NO.get((value or "").upper())


def diagnoses(message: Message) -> tuple[Diagnosis, ...] | Removed | None:
    """DG1 in the order sent; None where none has a code. Free text is not taken."""
    found: list[Diagnosis] = []
    for segment in message.all("DG1"):
        method, code, status = segment.texts(2, 3, 6)
        if code == NULL:
            return REMOVED
        if code:
            system = segment.get(3, 3) or method or "unknown"
            found.append(Diagnosis(len(found) + 1, short(code), short(system), short(status) or None))
    return tuple(found) or None


def coverage(message: Message) -> tuple[Payer, ...] | Removed | None:
    """IN1 in the order sent; None where none names a payer."""
    found: list[Payer] = []
    for segment in message.all("IN1"):
        plan, payer, since = segment.texts(2, 3, 12)
        if payer == NULL:
            return REMOVED
        if payer:
            found.append(Payer(len(found) + 1, short(payer), _known([plan])[0], read_day(since)))
    return tuple(found) or None
