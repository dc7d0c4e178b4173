"""Who treats a person, by name: the attending (PV1-7, ROL) and primary care (PD1-4, ROL). Pure.

The names are kept sealed with the person, and shown on the patient's page alone: no topic has a clinician's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from services.intake.hl7.fields import short
from services.intake.hl7.parser import NULL, Message, Segment

ATTENDING, PRIMARY_CARE = "attending", "primary_care"
MOST = 5
"""Clinicians of a kind that are kept."""
_ROLES = {"AT": ATTENDING, "PP": PRIMARY_CARE, "FHCP": PRIMARY_CARE}
"""ROL-3 (HL7 table 0443) → field of the person."""
_FIELDS = (("PV1", 7, ATTENDING), ("PD1", 4, PRIMARY_CARE))


def told(message: Message) -> dict[str, Any]:
    """Field of the person → clinicians, each as id, family and given name; None: removed. A field that the message does
    not tell is absent. PV1-7 and PD1-4 go before ROL."""
    found: dict[str, Any] = {}
    for name, field, kind in _FIELDS:
        segment = message.first(name)
        if segment is not None and (rows := segment.rows(field, 3)):
            found[kind] = None if rows[0][0] == NULL else _named(rows) or None
    return _by_role(message.all("ROL"), found) if message.first("ROL") else found


def _by_role(segments: Iterable[Segment], told_elsewhere: dict[str, Any]) -> dict[str, Any]:
    """The same with what ROL segments say of roles that no other field tells; ROL-2 `DE` takes a role away."""
    found: dict[str, Any] = {}
    for segment in segments:
        action, role = segment.texts(2, 3)
        kind = _ROLES.get(role.upper())
        if kind is not None and kind not in told_elsewhere:
            now = [] if action.upper() == "DE" else _named(segment.rows(4, 3))
            found[kind] = [*(found.get(kind) or []), *now][:MOST] or None
    return {**found, **told_elsewhere}


def _named(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """XCN rows (id, family, given), without those that say nothing, nothing over 200 characters."""
    parts = [["" if part == NULL else short(part) for part in row] for row in rows[:MOST]]
    return [each for each in parts if any(each)]
