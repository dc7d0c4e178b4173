"""Spans sent to a collector by OTLP over HTTP, with OpenTelemetry's SDK; imported only where an endpoint is set.

The variables of OpenTelemetry (OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…) work as its
specification says. Spans are sent by a thread; what does not fit into its queue is dropped, and the service goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar, Token
from importlib.metadata import version
from types import TracebackType
from typing import NamedTuple, Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.facts.envelope import Record
from shared.facts.tracing import HEADER, VERSION, trace_of
from shared.spans import Attributes, Kind, Work

QUEUE = 20_000
"""Spans that wait to be sent at most: a large batch of an engine makes half as many at once."""
TRACES = 128
"""So many traces of one piece of work have a span of their own and a link; of more only the number is told."""
TIMEOUT = 5
"""Seconds that one request to the collector may take, tries again included."""
FAREWELL = 3.0
"""Seconds for what is left when the service stops; the rest is dropped."""
_KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
    "internal": SpanKind.INTERNAL,
}


class _Ids(RandomIdGenerator):
    """Random ids, but for the next span those of a traceparent that it is to have."""

    given: SpanContext | None = None

    def generate_trace_id(self) -> int:
        return self.given.trace_id if self.given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.given.span_id if self.given else super().generate_span_id()

    def is_trace_id_random(self) -> bool:
        """A trace id made of an id by a hash is none by the W3C's word."""
        return False


class _Sent(NamedTuple):
    """A record that was put into the outbox: when (ns since 1970), its own place, whose span is above it, and names."""

    at: int
    own: SpanContext
    parent: SpanContext | None
    topic: str
    type: str


class OtlpRecorder:
    """Makes spans and hands them to an exporter. `share`: of the traces that begin here, the part that is recorded;
    which ones is decided by their ids, so alike in all services."""

    def __init__(self, exporter: SpanExporter, service: str, share: float = 1.0) -> None:
        self._exporter = exporter
        release = version("stepdown")
        resource = {"service.name": f"stepdown-{service}", "service.version": release}
        by_id = TraceIdRatioBased(share)
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ParentBased(
                by_id, remote_parent_sampled=by_id, remote_parent_not_sampled=ALWAYS_OFF, local_parent_sampled=ALWAYS_ON
            ),
            resource=Resource.create(resource),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
        self._tracer = self._provider.get_tracer("stepdown", release)
        self._current: ContextVar[_Work | None] = ContextVar("work", default=None)

    def work(self, name: str, kind: Kind, causes: Iterable[str | None], own: str | None, told: Attributes) -> Work:
        """As spans.work."""
        return _Work(self, name, _KINDS[kind], causes=causes, own=context_of(own), told=told)

    def door(self, name: str, own: str, seconds: float, attributes: Attributes) -> None:
        """As spans.door, for one message; `seconds`: how long it took."""
        began = time.time_ns() - int(seconds * 1e9)
        self.begin(name, SpanKind.SERVER, own=context_of(own), began=began, attributes=attributes).end()

    def sent(self, records: Sequence[Record]) -> None:
        """As spans.sent. Within a piece of work they are told when it ends well, since a transaction may roll back."""
        now, current = time.time_ns(), self.current()
        for topic, _, _, headers in records:
            told = dict(headers)
            own = context_of(told.get(HEADER, b"").decode("latin-1"))
            if own is not None and "ce_id" in told:  # an acknowledgement has the traceparent of its message
                above = current.above(own.trace_id) if current else None
                one = _Sent(now, own, above, topic, told.get("ce_type", b"").decode("latin-1"))
                if current:
                    current.outgoing.append(one)
                else:
                    self.tell(one)

    def tell(self, one: _Sent) -> None:
        """The span of a record that was sent."""
        attributes = {"messaging.system": "kafka", "messaging.destination.name": one.topic, "stepdown.type": one.type}
        span = self.begin(
            f"send {one.topic}", SpanKind.PRODUCER, one.parent, own=one.own, began=one.at, attributes=attributes
        )
        span.end(one.at)

    def begin(
        self,
        name: str,
        kind: SpanKind,
        parent: SpanContext | None = None,
        *,
        own: SpanContext | None = None,
        links: Sequence[SpanContext] = (),
        began: int | None = None,
        attributes: Attributes | None = None,
    ) -> Span:
        """A span that has begun now, or at `began` (ns since 1970); `own`: the ids that it has, else random ones."""
        above = set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()
        self._ids.given = own
        try:
            return self._tracer.start_span(
                name, above, kind, dict(attributes or {}), [Link(each) for each in links], began
            )
        finally:
            self._ids.given = None

    def current(self) -> _Work | None:
        """The piece of work that this task does now."""
        found = self._current.get()
        return found if found and not found.ended else None

    def enter(self, work: _Work) -> Token[_Work | None]:
        """It begins."""
        return self._current.set(work)

    def leave(self, token: Token[_Work | None]) -> None:
        """It has ended."""
        self._current.reset(token)

    def stop(self) -> None:
        """Send what is left, for FAREWELL seconds: the SDK would try each batch again, however many there are."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(FAREWELL)
        if sending.is_alive():
            self._exporter.shutdown()


class _Work:
    """A piece of work with its spans: see spans.work."""

    def __init__(
        self,
        recorder: OtlpRecorder,
        name: str,
        kind: SpanKind,
        *,
        causes: Iterable[str | None],
        own: SpanContext | None,
        told: Attributes,
    ) -> None:
        self._recorder, self._name, self._kind, self._own = recorder, name, kind, own
        self._causes = {cause.trace_id: cause for cause in map(context_of, causes) if cause is not None}
        self._told = told
        self._outer = recorder.current()
        self.outgoing: list[_Sent] = []
        self.ended = False

    def __enter__(self) -> Self:
        begin, found = self._recorder.begin, list(self._causes.values())
        if len(found) == 1:
            self._spans = [begin(self._name, self._kind, found[0])]
        else:
            kept = found[:TRACES]
            main = begin(self._name, self._kind, own=self._own, links=kept)
            back = [main.get_span_context()]
            self._spans = [main, *(begin(self._name, self._kind, cause, links=back) for cause in kept)]
        self._of = {(context := span.get_span_context()).trace_id: context for span in self._spans}
        self.note({**self._told, "stepdown.traces": len(found)})
        self._token = self._recorder.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended = True
        self._recorder.leave(self._token)
        for span in self._spans:
            if kind is not None:
                span.set_attribute("error.type", kind.__name__)
                span.set_status(Status(StatusCode.ERROR))
            span.end()
        if kind is None:
            self._hand_on()

    def _hand_on(self) -> None:
        """What was sent is told, or left to the work around this one, with which it may still roll back."""
        if self._outer is not None and not self._outer.ended:
            self._outer.outgoing += self.outgoing
            return
        for one in self.outgoing:
            self._recorder.tell(one)

    def note(self, attributes: Attributes) -> None:
        """Tell more of it; `http.route` becomes part of the name, as OpenTelemetry wants it."""
        self._spans[0].set_attributes(dict(attributes))
        if "http.route" in attributes:
            self._spans[0].update_name(f"{attributes['http.request.method']} {attributes['http.route']}")

    def place(self) -> str | None:
        """The traceparent of its span, or of the one with the links."""
        context = self._spans[0].get_span_context()
        return f"{VERSION}-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & 1:02x}"

    def above(self, trace_id: int) -> SpanContext | None:
        """The span of a trace in this work, or in the work around it."""
        return self._of.get(trace_id) or (self._outer.above(trace_id) if self._outer else None)


def context_of(traceparent: str | None) -> SpanContext | None:
    """A traceparent as OpenTelemetry's value; None where it is none."""
    found = trace_of(traceparent)
    if found is None or traceparent is None:
        return None
    trace, flags = found
    return SpanContext(int(trace, 16), int(traceparent.split("-")[2], 16), True, TraceFlags(int(flags, 16) & 1))


def to_collector(endpoint: str | None, service: str, share: float) -> OtlpRecorder:
    """A recorder that sends to `<endpoint>/v1/traces`; None: to where OpenTelemetry's own variables say."""
    url = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
    return OtlpRecorder(OTLPSpanExporter(endpoint=url, timeout=TIMEOUT), service, share)
