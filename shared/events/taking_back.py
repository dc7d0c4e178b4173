"""How a writer takes back a fact that it stated (contract 3.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta

from shared.events.base import CareFact, Code, Identifier, Writer, type_name


class FactCancelled(CareFact):
    """The fact named was never so; the episode is left as if it had not been stated. A cancel is not cancelled."""

    TYPE: ClassVar[str] = "fact-cancelled"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement", "aftercare")
    cancels: Annotated[Identifier, Meta(description="ce_id of the writer's own fact; the cancel may come first")]
    cancelled_type: Annotated[str, Meta(description="ce_type of that fact")]
    reason: Annotated[Code, Meta(description="a code: cancelled-by-sender, corrected, derived-away, …")]


def taken_back(
    value: CareFact,
    ce_id: str,
    *,
    reason: str,
    now: datetime,
    patient_id: str | None = None,
    occurred_at: datetime | None = None,
    derived_from: tuple[str, ...] = (),
) -> FactCancelled:
    """The fact that cancels another, given by its value and ce_id: about the same care at the same time, recorded at
    `now`.

    `patient_id` and `occurred_at` replace those of the cancelled fact where they have to differ.
    """
    return FactCancelled(
        episode_id=value.episode_id,
        patient_id=patient_id or value.patient_id,
        facility=value.facility,
        occurred_at=occurred_at or value.occurred_at,
        recorded_at=now,
        labels=value.labels,
        stay=value.stay,
        derived_from=derived_from,
        cancels=ce_id,
        cancelled_type=type_name(value.TYPE),
        reason=reason,
    )
