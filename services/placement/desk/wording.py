"""Facts in words, for people who have to decide about them: what, where, on which day, and who said so. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.placement.continuum.order import leaving_day
from services.placement.continuum.states import ENDS
from services.placement.rules import Rules
from shared.facts.envelope import Fact

_WHO = {"intake": "the hospital", "placement": "the program or the desk", "aftercare": "aftercare"}
_WHAT = {
    "admitted": "admitted",
    "started": "first day",
    "transferred": "transferred",
    "leave-started": "went on leave",
    "leave-ended": "came back from leave",
    "discharged": "discharged",
    "completed": "completed the program",
    "discontinued": "ended before the goal",
    "attended": "attended a session",
    "absent": "missed a session",
    "visit-started": "came for a visit",
    "visit-ended": "left after a visit",
    "fact-cancelled": "took a statement back",
    "diagnosis-recorded": "recorded a diagnosis",
    "coverage-changed": "told another coverage",
}


def told(fact: Fact, rules: Rules) -> dict[str, Any]:
    """A fact with its words: `{"ce_id", "type", "writer", "says"}`."""
    return {"ce_id": fact.id, "type": fact.type, "writer": fact.writer, "says": says(fact, rules)}


def says(fact: Fact, rules: Rules) -> str:
    """One sentence: `attended a session at GH-PHP1 on 2026-05-06, said by the program or the desk`."""
    value = fact.value
    what = _WHAT.get(fact.name, fact.name.replace("-", " "))
    place = _place(value)
    return f"{what}{f' {place}' if place else ''} on {_day(fact, rules)}, said by {_WHO.get(fact.writer, fact.writer)}"


def _place(value: dict[str, Any]) -> str:
    where = value.get("to") if isinstance(value.get("to"), dict) else value
    known = [str(where[name]) for name in ("level", "program", "unit") if where and where.get(name)]
    stay = value.get("stay") or {}
    return " ".join([*known, *([f"({stay['kind']} {stay['id']})"] if stay else [])])


def _day(fact: Fact, rules: Rules) -> str:
    if "date" in fact.value:
        return str(fact.value["date"])
    at = datetime.fromisoformat(fact.value["occurred_at"])
    facility = fact.value["facility"]
    if not rules.has_facility(facility):
        return at.date().isoformat()
    zone = rules.zone_of(facility)
    day = leaving_day(at, zone) if fact.name in ENDS else at.astimezone(zone).date()
    return day.isoformat()
