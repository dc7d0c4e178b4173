"""From a checked value to a fact on its way: what a writer calls to state something. Pure: id and sequence come in."""

from __future__ import annotations

from shared.events.base import CareFact, type_name
from shared.facts.envelope import Fact, rfc3339
from shared.facts.tracing import begun_with, onward


def said(
    value: CareFact,
    *,
    ce_id: str,
    writer: str,
    sequence: int,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    trace: str | None = None,
) -> Fact:
    """The fact that states `value`. Raises ValueError if this writer may not state that type.

    `trace`: the traceparent of what caused it; without one, it is in the trace of what it is correlated with.
    """
    if writer not in value.WRITERS:
        raise ValueError(f"{writer} does not state {value.TYPE}")
    return Fact(
        id=ce_id,
        type=type_name(value.TYPE),
        writer=writer,
        subject=value.episode_id,
        sequence=sequence,
        time=rfc3339(value.recorded_at),
        value=value.model_dump(mode="json", by_alias=True, exclude_none=True),
        correlation_id=correlation_id,
        causation_id=causation_id,
        traceparent=onward(trace or begun_with(correlation_id or causation_id or ce_id), ce_id),
    )
