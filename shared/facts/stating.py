"""From a value to a fact that can be sent: what every writer calls to state something. Pure: id and sequence come
in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Self

from shared.events.base import CareFact, type_name
from shared.facts.envelope import Fact, rfc3339
from shared.facts.tracing import begun_with, onward, trace_from
from shared.facts.values import written


class Provenance(NamedTuple):
    """What stating needs besides the values: the writer, the time, a source of ce_ids, and the cause.

    `trace`: the cause's traceparent; None: the trace made from the correlation id.
    """

    writer: str
    now: datetime
    new_id: Callable[[], str]
    causation_id: str | None = None
    correlation_id: str | None = None
    trace: str | None = None

    def caused_by(self, fact: Fact) -> Self:
        """The same with this fact as the cause."""
        return type(self)(self.writer, self.now, self.new_id, fact.id, fact.correlation_id, trace_from(fact))

    def stated(self, value: CareFact, sequence: int, copy_of: str | None = None) -> Fact:
        """The value as a fact with this sequence and a new ce_id; `copy_of`: the ce_id of the fact that it copies."""
        return said(
            value,
            ce_id=self.new_id(),
            writer=self.writer,
            sequence=sequence,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            trace=self.trace,
            copy_of=copy_of,
        )


def said(
    value: CareFact,
    *,
    ce_id: str,
    writer: str,
    sequence: int,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    trace: str | None = None,
    copy_of: str | None = None,
) -> Fact:
    """The value as a fact. Raises ValueError if this writer may not state the type, or a field does not fit.

    `trace`: the cause's traceparent; None: the trace made from the correlation id. `copy_of`: the ce_id of the fact
    that this one copies after a merge (contract 3.6 rule 11).
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
        value=value,
        body=written(value),
        correlation_id=correlation_id,
        causation_id=causation_id,
        traceparent=onward(trace or begun_with(correlation_id or causation_id or ce_id), ce_id),
        copy_of=copy_of,
    )
