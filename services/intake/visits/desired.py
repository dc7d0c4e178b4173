"""A fact that ought to stand: as it is published, but for what is not known before it is stated; and stored facts so.

Its episode is chosen, and when it was recorded is known, only when it is stated; until then these fields say nothing,
so that two facts are the same where their values are equal.
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
"""Ids and `recorded_at` of a fact that is not stated yet: it goes nowhere as it is."""


class DesiredFact(NamedTuple):
    """One fact that ought to stand. `said_by` is the message that said it, `stated_at` when its sender did."""

    key: FactKey
    value: CareFact
    stated_at: datetime | None = None
    said_by: str = ""


class StayHeading(Heading):
    """The same of a fact about a stay."""

    stay: Stay


def heading(occurred_at: datetime, episode_id: str = NOT_CHOSEN, facility: str = NOT_CHOSEN) -> Heading:
    """What is known before it is stated: when it happened; and of a death of which episode it is and who told it."""
    return {
        "episode_id": episode_id,
        "patient_id": NOT_CHOSEN,
        "facility": facility,
        "occurred_at": occurred_at,
        "recorded_at": NOT_STATED,
    }


def stay_heading(occurred_at: datetime, stay: Stay) -> StayHeading:
    """The same of a fact about a stay."""
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
    """Of a fact's JSON the fields of its type alone: what is stored of it beside its columns."""
    told: dict[str, Any] = orjson.loads(body)
    return orjson.dumps({name: value for name, value in told.items() if name not in _COMMON})


def read_back(kind: str, own: bytes, about: Heading) -> CareFact:
    """The value of a fact whose own fields are stored; UnknownFact, so not what is wanted, where they can't be read."""
    try:
        return msgspec.convert({**orjson.loads(own), **about}, _TYPES[kind])
    except msgspec.ValidationError:
        return UnknownFact(**about)
