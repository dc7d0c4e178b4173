"""How a writer takes back what it said (contract 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from shared.events.base import CareFact, Code, Identifier, Writer


class FactCancelled(CareFact):
    """The fact named was never so; the episode is left as if it had not been stated. A cancel is not cancelled."""

    TYPE: ClassVar[str] = "fact-cancelled"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement", "aftercare")
    cancels: Identifier = Field(description="ce_id of the writer's own fact; the cancel may come first")
    cancelled_type: str = Field(description="ce_type of that fact")
    reason: Code = Field(description="a code: cancelled-by-sender, corrected, derived-away, …")


_ABOUT = ("episode_id", "patient_id", "facility", "occurred_at", "labels", "stay")


def taken_back(
    value: Mapping[str, Any], ce_id: str, kind: str, *, reason: str, now: datetime, **other: Any
) -> FactCancelled:
    """The cancel of a fact, by its value, ce_id and ce_type: about the same care at the same time, learnt `now`.

    `other`: fields that it has besides, or says otherwise.
    """
    about = {name: value[name] for name in _ABOUT if name in value}
    own = {"recorded_at": now, "cancels": ce_id, "cancelled_type": kind, "reason": reason}
    return FactCancelled.model_validate({**about, **own, **other})
