"""A person's fields: read from a message, and merged over many messages and requests. Pure; encrypts nothing.

An empty field changes nothing, `""` removes the value (HL7 v2.5.1 2.5.3), the latest statement wins; ids add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson

from services.intake.hl7.fields import patient_ids, short
from services.intake.hl7.model import PatientId
from services.intake.hl7.parser import NULL, Message, Segment
from services.intake.hl7.timestamps import read_day
from services.intake.people import clinicians

IDS = "identifiers"
MOST_IDS, MOST_NAMES = 200, 20
_ADDRESS = ("line", "other", "city", "state", "postal_code", "country")
Told = Mapping[str, Any]
"""Field → plain JSON value; None: removed. Fields: identifiers, names, birth_date, sex, home, work, address, attending,
primary_care (HL7); contacts, safe_to_contact (referrals)."""


class PersonReport(Protocol):
    """What a message or a request reports of a person."""

    @property
    def known(self) -> tuple[PatientId, ...]:
        """The person's numbers, as told."""

    @property
    def facility(self) -> str:
        """Which facility says it."""

    @property
    def person(self) -> Told:
        """The fields of the person."""

    @property
    def said_at(self) -> datetime:
        """When it was said."""

    @property
    def arrived_at(self) -> datetime:
        """When it arrived here."""


Fields = dict[str, tuple[Any, str]]
"""Field → (value, when it was said). A removed one stays with None, so that nothing said earlier brings it back."""


def told_by(message: Message, numbers: Sequence[PatientId] | None = None) -> dict[str, Any]:
    """What the PID segment says of the person. `numbers`: the patient's ids, where the caller has read them already."""
    pid = message.first("PID")
    if pid is None:
        return {}
    found: dict[str, Any] = {}
    for name, field, read in _READ:
        text = message.texts.get(f"PID-{field}")
        if text is not None:
            value = None if text == NULL else read(pid, field, text)
            if value is not ...:
                found[name] = value
    found |= clinicians.told(message)
    if numbers is None:
        numbers = patient_ids(pid, 3) or patient_ids(pid, 2)
    if numbers:
        found[IDS] = [[number, authority, kind] for number, authority, kind, _ in numbers]
    return found


def merged(kept: Fields, told: Told, said_at: datetime) -> Fields:
    """The fields after `told`, which was said at `said_at`; the order of arrival does not matter."""
    at = said_at.isoformat()
    after = dict(kept)
    not_later = {at: True}  # most fields were said together
    for name, value in told.items():
        before = kept.get(name)
        if name == IDS:
            after[IDS] = (_added(before[0] if before else [], value), at)
        else:
            if before is not None and before[1] not in not_later:
                not_later[before[1]] = datetime.fromisoformat(before[1]) <= said_at
            if before is None or not_later[before[1]]:
                after[name] = (value, at)
    return after


def joined(one: Fields, other: Fields) -> Fields:
    """Both as if each of their fields had been told in the order said; `other` has the older numbers."""
    after = dict(other)
    for name, (value, at) in one.items():
        before = other.get(name)
        if name == IDS:
            after[IDS] = (_added(before[0] if before else [], value or []), at)
        elif before is None or datetime.fromisoformat(before[1]) <= datetime.fromisoformat(at):
            after[name] = (value, at)
    return after


def packed(fields: Fields) -> bytes:
    """The fields as JSON, ready to be sealed."""
    return orjson.dumps({"version": 1, "fields": fields}, default=str)


def unpacked(raw: bytes, stated_at: datetime) -> Fields:
    """The fields from what `packed` made; the first version stored no times, so `stated_at` is taken for its values."""
    kept = orjson.loads(raw)
    if "fields" not in kept:
        phones = [{"system": "phone", "value": phone} for phone in kept.pop("phones", ())]
        kept |= {"home": phones} if phones else {}
        return {name: (value, stated_at.isoformat()) for name, value in kept.items()}
    return {name: (value, at) for name, (value, at) in kept["fields"].items()}


def shown(fields: Fields) -> dict[str, Any]:
    """The person as the API shows it; a field of which nothing is known is absent."""
    now = {name: value for name, (value, _) in fields.items() if value not in (None, [], "")}
    names = [{"family": family, "given": given} for family, given in now.get("names", ())]
    address = dict(zip(_ADDRESS, now.get("address", ()), strict=False))
    found = {
        IDS: [{"id": one[0], "assigning_authority": one[1], "type": one[2]} for one in now.get(IDS, ())],
        "name": names[0] if names else None,
        "other_names": names[1:],
        "birth_date": now.get("birth_date"),
        "sex": now.get("sex"),
        "contacts": contacts(fields),
        "address": {name: part for name, part in address.items() if part},
        "safe_to_contact": now.get("safe_to_contact"),
    }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def seen(told: Mapping[str, Fields]) -> dict[str, Any]:
    """The person by what several facilities told: the latest value of each field; `told_differently` has what each of
    them says where they disagree.

    Where any of them says that it is not safe to contact, it is not.
    """
    together: Fields = {}
    for fields in told.values():
        for name, (value, at) in fields.items():
            before = together.get(name)
            if name == IDS:
                together[IDS] = (_added(before[0] if before else [], value or []), at)
            elif value is not None and (
                before is None or datetime.fromisoformat(before[1]) <= datetime.fromisoformat(at)
            ):
                together[name] = (value, at)
    said = [fields["safe_to_contact"][0] for fields in told.values() if "safe_to_contact" in fields]
    if (safe := _safe(said)) is not None:
        together["safe_to_contact"] = (safe, together["safe_to_contact"][1])
    differ = _differing({facility: shown(fields) for facility, fields in told.items()})
    return {**shown(together), **({"told_differently": differ} if differ else {})}


def _safe(said: Sequence[Any]) -> Any:
    """Whether contact is safe by all that was said: False where anybody says no, else by way of contact."""
    told = [one for one in said if one is not None]
    ways = [one for one in told if isinstance(one, dict)]
    if not told or any(one is False for one in told):
        return False if told else None
    if not ways:
        return True
    return {way: all(one.get(way, True) for one in ways) for way in sorted({way for one in ways for way in one})}


def _differing(told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for name in ("name", "birth_date", "sex", "contacts", "address", "safe_to_contact"):
        values = {facility: one[name] for facility, one in sorted(told.items()) if name in one}
        if any(value != other for value in values.values() for other in values.values()):
            found[name] = values
    return found


def contacts(fields: Fields) -> list[dict[str, Any]]:
    """Every telephone number and mail address that stands: {system, value, use?, safe?}."""
    found: list[dict[str, Any]] = []
    for name in ("contacts", "home", "work"):
        use = {"use": name} if name != "contacts" else {}
        found += [{**each, **use} for each in (fields.get(name, (None, ""))[0] or ())]
    return found


def _names(pid: Segment, field: int, _: str) -> list[list[str]]:
    """Every repetition of an XPN field: family, given."""
    return list(map(_shortened, pid.rows(field, 2)[:MOST_NAMES]))


def _birth_date(_: Segment, __: int, text: str) -> Any:
    """As YYYY-MM-DD; … where it is no whole date."""
    day = read_day(text)
    return day.isoformat() if day else ...


def _sex(_: Segment, __: int, text: str) -> str:
    return text


def _address(pid: Segment, field: int, _: str) -> list[str]:
    """The first six components of an XAD field, as they are named in `_ADDRESS`."""
    return _shortened(pid.components(field)[:6])


def _contacts(pid: Segment, field: int, _: str) -> list[dict[str, str]]:
    """XTN.1, or from 2.7 on XTN.12, or area and local number; XTN.4 is a mail address."""
    found = []
    for row in pid.rows(field, 12):
        number = row[0] or row[11] or " ".join(filter(None, row[5:7]))
        mail = row[3]
        found += [{"system": "phone", "value": number}] if number and number != NULL else []
        found += [{"system": "email", "value": mail}] if mail and mail != NULL else []
    return found


def _shortened(parts: Sequence[str]) -> list[str]:
    """Components as they are kept: none longer than 200 characters, "" for the explicit null."""
    return ["" if part == NULL else short(part) for part in parts]


_READ: tuple[tuple[str, int, Callable[[Segment, int, str], Any]], ...] = (
    ("names", 5, _names),
    ("birth_date", 7, _birth_date),
    ("sex", 8, _sex),
    ("home", 13, _contacts),
    ("work", 14, _contacts),
    ("address", 11, _address),
)
"""Field of a person, field of PID, and how that one is read (with its first component at hand) where it is no explicit
null; … says nothing."""


def _added(before: list[list[str | None]], told: list[list[str | None]]) -> list[list[str | None]]:
    """All ids ever told, each once, the newest last; beyond 200 the oldest fall away."""
    every = {tuple(one): one for one in [*before, *told]}
    return list(every.values())[-MOST_IDS:]
