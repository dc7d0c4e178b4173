"""care.events as placement hears it: each record checked for what the fold will ask of it, batches to the handlers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker

from services.placement import handlers
from services.placement.rules import Rules
from shared.clock import Clock
from shared.db import Database
from shared.errors import InvalidMessage
from shared.events import CARE_FACTS
from shared.events.envelope import Fact
from shared.kafka import Subscription, decode_fact

_COMMON = frozenset({"episode_id", "patient_id", "facility", "occurred_at", "recorded_at"})
_NOT_MODELLED = {
    "conflict-settled": {"conflict_id"},
    "placed": {"placement_id"},
    "placement-cancelled": {"placement_id"},
}
"""Types that the fold reads and that have no model yet (contract 3.3): what it can't do without."""
NEEDED: dict[str, frozenset[str]] = {
    **{
        name: frozenset(field.alias or key for key, field in model.model_fields.items() if field.is_required())
        for name, model in CARE_FACTS.items()
    },
    **{f"care.{name}.v1": _COMMON | own for name, own in _NOT_MODELLED.items()},
    **{
        f"care.{name}.v1": _COMMON
        for name in ("assessed", "episode-ended", "aftercare-started", "aftercare-closed")
    },
}  # fmt: skip
"""ce_type → the fields that a fact of it must have. Nothing is asked of other types: they are kept."""

_TIMES = ("stated_at", "kept_at", "expected_return")
_DAYS = ("date", "effective_from", "due_from", "due_to")
_NAMES = ("replaces", "corroborates", "cancels", "session_id", "placement_id", "follow_up_id", "conflict_id")


def subscription(
    broker: KafkaBroker,
    database: Database,
    rules: Rules,
    *,
    clock: Clock,
    ids: Callable[[], str],
    topic: str = "care.events",
) -> Subscription:
    """The one consumer that placement has."""
    return Subscription(
        broker,
        database,
        service="placement",
        topic=topic,
        apply=partial(handlers.apply, rules=rules, clock=clock, ids=ids),
        decode=partial(readable, has_facility=rules.has_facility),
    )


def readable(record: ConsumerRecord, *, has_facility: Callable[[str], bool]) -> Fact:
    """A record as a fact that the fold can read. Raises InvalidMessage, naming a field and never its value.

    Cheap on purpose: a writer checks what it says against the whole model. What slips through here and fails later is
    found by halving the batch, and becomes a dead letter all the same (shared/kafka.py).
    """
    fact = decode_fact(record)
    needed = NEEDED.get(fact.type)
    if needed is None:
        return fact
    value = fact.value
    if not needed <= value.keys():
        missing = ", ".join(sorted(needed - value.keys()))
        raise InvalidMessage(f"the {fact.name} fact has no {missing}")
    if value["episode_id"] != fact.subject:
        raise InvalidMessage("the episode_id is not the ce_subject")
    _fits(value, "occurred_at", _instant)
    for names, fits in ((_TIMES, _instant), (_DAYS, _day), (_NAMES, _text)):
        for name in names:
            if value.get(name) is not None:
                _fits(value, name, fits)
    if value.get("stay") is not None:
        _fits(value, "stay", _stay)
    _known_place(value, has_facility)
    return fact


def _known_place(value: dict[str, Any], has_facility: Callable[[str], bool]) -> None:
    _fits(value, "patient_id", _text)
    _fits(value, "facility", _text)
    if not has_facility(value["facility"]):
        raise InvalidMessage("the site config has no such facility; add it, then replay the dead letter")


def _fits(value: dict[str, Any], name: str, fits: Callable[[Any], bool]) -> None:
    try:
        fine = fits(value[name])
    except (TypeError, ValueError, KeyError):
        fine = False
    if not fine:
        raise InvalidMessage(f"the field {name} is unreadable")


def _instant(text: Any) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _day(text: Any) -> bool:
    return isinstance(date.fromisoformat(text), date)


def _text(text: Any) -> bool:
    return isinstance(text, str) and bool(text)


def _stay(stay: Any) -> bool:
    return stay["kind"] in {"visit", "placement"} and _text(stay["id"])
