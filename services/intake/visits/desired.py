"""Facts that ought to stand, and stored facts read back in the same form, so that the two compare by value.

A fact's episode, patient, facility and `recorded_at` are known only when it is stated; until then these fields have
placeholders.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import orjson

from shared.events import CARE_FACTS, CareFact, Stay
from shared.events.base import Heading
from shared.facts.values import UnknownFact

FactKey = tuple[str, ...]
"""(type, stay id, …): the same statement of the same visit has the same key, whatever else is told."""
NOT_CHOSEN = "-"
NOT_STATED = datetime.min.replace(tzinfo=UTC)
"""Placeholders for ids and `recorded_at` of a fact that is not stated yet; no such fact is published."""


class DesiredFact(NamedTuple):
    """One fact that ought to stand. `said_by` is the id of the message that says it, `stated_at` when that was said."""

    key: FactKey
    value: CareFact
    stated_at: datetime | None = None
    said_by: str = ""


class StayHeading(Heading):
    """The common fields of a fact about a stay."""

    stay: Stay


def heading(occurred_at: datetime, episode_id: str = NOT_CHOSEN, facility: str = NOT_CHOSEN) -> Heading:
    """The common fields of a fact that is not stated yet; of a death, episode and facility are known already."""
    return {
        "episode_id": episode_id,
        "patient_id": NOT_CHOSEN,
        "facility": facility,
        "occurred_at": occurred_at,
        "recorded_at": NOT_STATED,
    }


def stay_heading(occurred_at: datetime, stay: Stay) -> StayHeading:
    """The common fields of a fact about a stay that is not stated yet."""
    return {
        "episode_id": NOT_CHOSEN,
        "patient_id": NOT_CHOSEN,
        "facility": NOT_CHOSEN,
        "occurred_at": occurred_at,
        "recorded_at": NOT_STATED,
        "stay": stay,
    }


_COMMON = frozenset(CareFact.__struct_fields__)
_TYPES = {fact.TYPE: fact for fact in CARE_FACTS.values()}


def own_fields(body: bytes) -> bytes:
    """The fields in a fact's JSON that not every fact has; they are stored in one column, the common ones in others."""
    told: dict[str, Any] = orjson.loads(body)
    return orjson.dumps({name: value for name, value in told.items() if name not in _COMMON})


def read_back(kind: str, own: bytes, about: Heading) -> CareFact:
    """A fact from its type's name, its stored `own_fields` and its common fields; where these fit the type no longer,
    an UnknownFact, which equals no fact that ought to stand."""
    try:
        return msgspec.convert({**orjson.loads(own), **about}, _TYPES[kind])
    except msgspec.ValidationError:
        return UnknownFact(**about)
