"""What a fact must have for the fold to read it; the fold itself looks at nothing again. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from shared.errors import InvalidMessage
from shared.events import CARE_FACTS, type_name
from shared.facts.envelope import Fact

_COMMON = frozenset({"episode_id", "patient_id", "facility", "occurred_at"})
_OF_ITS_OWN: dict[str, set[str]] = {
    "visit-started": {"stay"},
    "visit-ended": {"stay"},
    "admitted": {"stay", "level"},
    "started": {"stay", "level"},
    "transferred": {"stay", "to"},
    "leave-started": {"stay"},
    "leave-ended": {"stay"},
    "discharged": {"stay"},
    "completed": {"stay"},
    "discontinued": {"stay"},
    "attended": {"stay", "session_id", "date"},
    "absent": {"stay", "session_id", "date"},
    "diagnosis-recorded": {"stay", "system", "code"},
    "coverage-changed": {"effective_from"},
    "discharge-planned": {"stay"},
    "discharge-plan-cancelled": {"stay"},
    "fact-cancelled": {"cancels"},
    **{
        key: {"follow_up_id", "measure", "due_to"}
        for key in (f"follow-up-{name}" for name in ("due", "kept", "missed", "excluded"))
    },
    "certified": {"kind", "from", "to", "npi"},
    **{
        key: {"auth_id", "payer", "level", "unit", "from", "to"}
        for key in (
            f"authorization-{name}" for name in ("requested", "pended", "approved", "denied", "extended", "ended")
        )
    },
    "placed": {"placement_id"},
    "placement-cancelled": {"placement_id"},
    "conflict-settled": {"conflict_id"},
    **{
        key: set()
        for key in ("referred", "assessed", "episode-ended", "aftercare-started", "aftercare-closed", "patient-died")
    },
}
READ = frozenset(_OF_ITS_OWN)
"""Every fact that the fold reads, by its name."""
NEEDED: dict[str, frozenset[str]] = {type_name(name): _COMMON | own for name, own in _OF_ITS_OWN.items()}
"""ce_type → what the fold can't do without, which is less than its writer must say. Nothing is asked of other types:
they are kept."""


def checked(fact: Fact, has_facility: Callable[[str], bool]) -> Fact:
    """A fact that the fold can read, else InvalidMessage, which names a field and never its value.

    Cheap on purpose: a writer checks what it says against the whole model. What slips through here and fails later is
    found by halving the batch, and becomes a dead letter all the same (shared/messaging/batches.py).
    """
    needed = NEEDED.get(fact.type)
    if needed is None:
        return fact
    value = fact.value
    if not needed <= value.keys():
        raise InvalidMessage(f"the {fact.name} fact has no {', '.join(sorted(needed - value.keys()))}")
    if value["episode_id"] != fact.subject:
        raise InvalidMessage("the episode_id is not the ce_subject")
    for name, fits in _CHECKS[fact.type]:
        if (told := value.get(name)) is None and name not in needed:
            continue
        if not _fits(told, fits):
            raise InvalidMessage(f"the field {name} is unreadable")
    if not has_facility(value["facility"]):
        raise InvalidMessage("the site config has no such facility; add it, then replay the dead letter")
    return fact


def _fits(told: Any, fits: Callable[[Any], bool]) -> bool:
    try:
        return fits(told)
    except (TypeError, ValueError, KeyError):
        return False


def _instant(text: Any) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _day(text: Any) -> bool:
    return isinstance(date.fromisoformat(text), date)


def _text(text: Any) -> bool:
    return isinstance(text, str) and bool(text)


def _stay(stay: Any) -> bool:
    return stay["kind"] in {"visit", "placement"} and _text(stay["id"])


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "stay": _stay,
    **dict.fromkeys(("occurred_at", "stated_at", "expected_at"), _instant),
    **dict.fromkeys(("date", "effective_from", "due_to"), _day),
    **dict.fromkeys(("patient_id", "facility", "replaces", "corroborates", "cancels"), _text),
    **dict.fromkeys(("session_id", "placement_id", "follow_up_id", "conflict_id"), _text),
}
"""What the fold parses or looks things up by, and the shape it must have."""
_TERMS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("from", _day),
    ("to", _day),
    ("units", lambda units: isinstance(units, int)),
    ("unit", lambda unit: unit in {"day", "session", "hour"}),
    ("auth_id", _text),
    ("payer", _text),
    ("level", _text),
)
"""The same for authorizations and certifications; what one of them lacks and does not need is not asked for."""


def _checks(kind: str, needed: frozenset[str]) -> tuple[tuple[str, Callable[[Any], bool]], ...]:
    model = CARE_FACTS.get(kind)
    own = model.model_fields.keys() if model else needed | {"replaces", "corroborates", "stated_at"}
    found = tuple((name, fits) for name, fits in _SHAPES.items() if name in own)
    return (*found, *_TERMS) if {"from", "to"} <= needed else found


_CHECKS = {kind: _checks(kind, needed) for kind, needed in NEEDED.items()}
