"""Placement's states and codes → those of FHIR R4: one table each, shown in docs/connect-by-fhir.md, which a test
compares with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Final

from shared.events.episodes import EpisodeStateName
from shared.events.levels import Level
from shared.events.open_lists import DispositionKind, VisitClass
from shared.fhir.elements import CodeableConcept, Coding, Reference

EPISODE_STATUS: Final[Mapping[EpisodeStateName, str]] = {
    "void": "entered-in-error",
    "referred": "planned",
    "active": "active",
    "on-leave": "active",
    "between": "onhold",
    "aftercare": "active",
    "closed": "finished",
}
"""State of an episode → EpisodeOfCare.status."""
STAY_STATUS: Final[Mapping[str, str]] = {
    "expected": "planned",
    "open": "in-progress",
    "on leave": "onleave",
    "ended": "finished",
    "taken back": "entered-in-error",
}
"""How a stay stands → Encounter.status."""
CLASS_OF_LEVEL: Final[Mapping[str, str]] = {
    level.value: ("IMP" if level.traits.acute else "NONAC") if level.traits.round_the_clock else "AMB"
    for level in Level
}
"""Level of care → Encounter.class (v3-ActCode): acute around the clock, around the clock, by day. HL7 has no code for
most levels, so `type` has the level."""
CLASS_OF_VISIT: Final[Mapping[VisitClass, str]] = {
    "emergency": "EMER",
    "observation": "OBSENC",
    "crisis": "EMER",
    "other": "AMB",
}
"""Class of a visit without a level → Encounter.class."""
DISPOSITION: Final[Mapping[DispositionKind, str]] = {
    "home": "home",
    "transfer": "other-hcf",
    "against-advice": "aadvice",
    "elopement": "aadvice",
    "deceased": "exp",
    "hospice": "hosp",
    "custody": "oth",
    "other": "oth",
    "unknown": "oth",
}
"""How a stay ended → Encounter.hospitalization.dischargeDisposition (discharge-disposition) where the
patient status has no finer one (shared/fhir/billed_codes.py)."""
DIAGNOSIS_ROLE: Final[Mapping[str, str]] = {"A": "AD", "F": "DD"}
"""Type of a diagnosis (DG1-6) → its role (diagnosis-role); a working diagnosis has none there."""
OFFER_STATUS: Final[Mapping[str, str]] = {
    "sent": "requested",
    "countered": "received",
    "accepted": "accepted",
    "declined": "rejected",
    "expired": "failed",
    "withdrawn": "cancelled",
}
"""State of an offer → Task.status; businessStatus has the state."""
FIRST_DAY_STATUS: Final[Mapping[str, str]] = {
    "placed": "booked",
    "missed": "noshow",
    "started": "fulfilled",
    "ended": "fulfilled",
    "cancelled": "cancelled",
}
"""State of a placement → Appointment.status of its first day."""
SYSTEM_OF_CODES: Final[Mapping[str, str]] = {
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "SCT": "http://snomed.info/sct",
}
"""DG1-3.3 → the system of a Condition's code; any other is one of ours with that name."""
OURS = "urn:stepdown:"
"""What the systems begin with of codes that the site or this program defines."""
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ID = re.compile(r"[^A-Za-z0-9.-]")


def ours(what: str, code: str, display: str | None = None) -> Coding:
    """A code of this program or its site."""
    return Coding(system=OURS + what, code=code, display=display)


def concept(*codings: Coding, text: str | None = None) -> CodeableConcept:
    """Codings as one meaning."""
    return CodeableConcept(coding=codings, text=text)


def site_id(*names: str) -> str:
    """The id of something in the site config, by its names there; with a digest where FHIR's ids can't have a name."""
    plain = ".".join(_ID.sub("-", name) for name in names)
    if plain == ".".join(names) and len(plain) <= 64:
        return plain
    return f"{plain[:48]}-{blake2b(chr(31).join(names).encode(), digest_size=6).hexdigest()}"


def part_id(episode_id: str, *names: str) -> str:
    """The id of something in an episode: the letter of this service, the episode, and a digest of names that tell
    nothing of a patient."""
    return f"p-{episode_id}-{blake2b(chr(31).join(names).encode(), digest_size=8).hexdigest()}"


def episode_of(own_id: str) -> str:
    """The episode that an id of `part_id` names; "" for another id."""
    return own_id.removeprefix("p-").rpartition("-")[0] if own_id.startswith("p-") else ""


def to(kind: str, own_id: str, display: str | None = None) -> Reference:
    """A reference to a resource at the same base."""
    return Reference(reference=f"{kind}/{own_id}", display=display)


def instant(at: datetime) -> str:
    """A time as FHIR's dateTime, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(on: date) -> str:
    """A day as FHIR's date."""
    return on.isoformat()
