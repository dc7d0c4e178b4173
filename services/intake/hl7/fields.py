"""Reads fields with more than one part: patient ids, locations, the attending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Literal

from services.intake.hl7.model import REMOVED, Location, PatientId, Removed
from services.intake.hl7.parser import NULL, Message, Segment

_LONGEST = 200
"""Characters that a code or an identifier may have in published facts."""
_CODES = (
    "EVN-4", "PID-18", "PID-29", "PV1-2", "PV1-3", "PV1-3.2", "PV1-3.3", "PV1-3.4", "PV1-6", "PV1-6.2", "PV1-6.3",
    "PV1-6.4", "PV1-10", "PV1-18", "PV1-19", "PV1-19.4", "MRG-3", "MRG-5",
)  # fmt: skip
_REMOVABLE = ("PID-30", "PV1-4", "PV1-14", "PV1-36", "PV1-37")
_YES_OR_NO: dict[str, Literal["Y", "N"]] = {"Y": "Y", "N": "N"}


def short(text: str) -> str:
    """A text of at most 200 characters: of a longer one its beginning and a digest, so that two stay different."""
    return text if len(text) <= _LONGEST else f"{text[:160]}~{sha256(text.encode()).hexdigest()[:32]}"


def codes(texts: Mapping[str, str]) -> dict[str, str]:
    """Place → code or number, none over 200 characters, for the fields in which `""` means the same as empty."""
    found = {}
    for place in _CODES:
        text = texts.get(place)
        if text and text != NULL:
            found[place] = text if len(text) <= _LONGEST else short(text)
    return found


def removable(texts: Mapping[str, str]) -> dict[str, str | Removed]:
    """Place → code, none over 200 characters, for the fields in which `""` removes what was said; REMOVED for that."""
    found: dict[str, str | Removed] = {}
    for place in _REMOVABLE:
        if text := texts.get(place):
            found[place] = REMOVED if text == NULL else short(text)
    return found


def visit_number(codes: Mapping[str, str], places: Iterable[str]) -> tuple[str | None, bool]:
    """The visit's number from the first of these fields that has one, and whether it is the account's (PID-18)."""
    for place in places:
        if number := codes.get(place):
            return number, place == "PID-18" and number != codes.get("PV1-19")
    return None, False


def _known(components: Iterable[str]) -> list[str | None]:
    """Components as values, none over 200 characters; None for one that is empty or `""`."""
    return [short(text) if text and text != NULL else None for text in components]


def patient_ids(segment: Segment, field: int) -> tuple[PatientId, ...]:
    """Every repetition of a CX field that has an id: id, authority (namespace, else universal id), type, CX.4.2."""
    found, message = [], segment.message
    for repetition, row in zip(segment.repetitions(field), segment.rows(field, 5), strict=True):
        universal = message.part(repetition, 4, 2) if message.marks.sub in repetition else ""
        number, namespace, kind, authority = _known((row[0], row[3], row[4], universal))
        if number:
            found.append(PatientId(number, namespace or authority, kind, authority))
    return tuple(found)


def location(codes: Mapping[str, str], field: str) -> Location:
    """PV1-3 or PV1-6 as point of care, room, bed, facility."""
    part = codes.get
    return Location(part(field), part(f"{field}.2"), part(f"{field}.3"), part(f"{field}.4"))


def attending(message: Message) -> str | Removed | None:
    """The attending's NPI: in PV1-7, else in the ROL segment of role AT (HL7 table 0443)."""
    segment = message.first("PV1")
    rows = segment.rows(7, 13) if segment else []
    if rows and rows[0][0] == NULL:
        return REMOVED
    return _npi(rows) or (_in_role(message) if message.first("ROL") else None)


def _npi(rows: Sequence[Sequence[str]]) -> str | None:
    """The NPI among XCN rows: in one that says so (XCN.9 or XCN.13), else one of ten digits that begins like one."""
    likely: str | None = None
    for row in rows:
        number = row[0]
        if number and "NPI" in (row[8].upper(), row[12].upper()):
            return short(number)
        if likely is None and len(number) == 10 and number.isdigit() and number.isascii() and number[0] in "12":
            likely = number
    return likely


def _in_role(message: Message) -> str | Removed | None:
    """The NPI of the person in the role of attending (ROL-3 `AT`, ROL-4); removed by ROL-2 `DE` (HL7 table 0287)."""
    found: str | Removed | None = None
    for segment in message.all("ROL"):
        action, role = segment.texts(2, 3)
        if role.upper() == "AT":
            found = REMOVED if action.upper() == "DE" else _npi(segment.rows(4, 13)) or found
    return found


def death(codes: Mapping[str, str | Removed]) -> Literal["Y", "N"] | Removed | None:
    """PID-30; None where it says neither (HL7 table 0136)."""
    value = codes.get("PID-30", "")
    return value if isinstance(value, Removed) else _YES_OR_NO.get(value.upper())
