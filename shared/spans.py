"""Spans for an operator's tracing: which piece of work was done for which trace, from a hospital's door to the bill.

Off, unless `turn_on` gives a recorder (span_export.py makes one that sends by OTLP): then every function here does next
to nothing. A span tells names of our own, counts, durations and outcome codes, never what a message or a person says.

Facts and messages have a `traceparent` in any case (shared/facts/tracing.py): its trace id is the span's, and the span
of the record that was put on Kafka has the record's own span id. So the spans of three services make one tree without
their having talked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

from shared.facts.envelope import Record

Kind = Literal["server", "consumer", "producer", "internal"]
"""What a span's work is by the words of OpenTelemetry: answers a request, handles records, sends records, any other."""
Attributes = Mapping[str, str | int]
"""What a span tells, by name: codes, names of ours and counts."""
Told = Callable[[], Attributes]
"""Gives what a piece of work tells from its beginning on; asked only where spans are recorded."""
Causes = Callable[[], Iterable[str | None]]
"""Gives the traceparents of what a piece of work is done for; asked only where spans are recorded."""


class Work(Protocol):
    """A piece of work, as a context: begins with it and ends with it, as failed where an exception leaves it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def note(self, attributes: Attributes) -> None:
        """Tell more of it."""

    def place(self) -> str | None:
        """The traceparent of its own span, for what it causes; None where nothing is recorded."""


class Recorder(Protocol):
    """Makes spans of what it is told."""

    def work(self, name: str, kind: Kind, causes: Iterable[str | None], own: str | None, told: Attributes) -> Work: ...

    def door(self, name: str, own: str, seconds: float, attributes: Attributes) -> None: ...

    def sent(self, records: Sequence[Record]) -> None: ...

    def stop(self) -> None: ...


class _NoWork:
    """Work that nobody records."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def note(self, attributes: Attributes) -> None:
        pass

    def place(self) -> str | None:
        return None


NO_WORK: Work = _NoWork()
"""What is used where nothing is to be recorded."""
_recorder: Recorder | None = None


def turn_on(recorder: Recorder) -> None:
    """Record spans from now on, in this process."""
    global _recorder  # noqa: PLW0603 - one for the process, as its metrics are
    _recorder = recorder


def turn_off() -> None:
    """Record no more, and send what is left; takes as long as that takes."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.stop()


def on() -> bool:
    """Whether spans are recorded."""
    return _recorder is not None


def work(
    name: str, causes: Causes = tuple, *, kind: Kind = "internal", own: str | None = None, told: Told = dict
) -> Work:
    """A piece of work to be used as a context.

    One cause, or several in one trace: a span in that trace. Several traces: a span with a link to each, and in each of
    these one that links back. `own`: a traceparent whose ids the span itself has, where nothing caused it.
    """
    return NO_WORK if _recorder is None else _recorder.work(name, kind, causes(), own, told())


def door(name: str, own: Iterable[str], began: float, attributes: Attributes) -> None:
    """A message that a door has answered just now. `own`: the traceparents that begin with it; `began`: when it was
    there as a whole, by time.perf_counter."""
    if _recorder is not None:
        for each in own:
            _recorder.door(name, each, time.perf_counter() - began, attributes)


def sent(records: Sequence[Record]) -> None:
    """Records were put into the outbox: each is a span with the ids of its own traceparent, once the work is done."""
    if _recorder is not None:
        _recorder.sent(records)
