"""An OpenTelemetry collector for tests: a real HTTP server that takes spans by OTLP and keeps them, decoded."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Told


class SeenSpan(NamedTuple):
    """One span as it came: ids in hex; `above`: its parent's id, empty for a root; `links`: trace and span ids."""

    service: str
    name: str
    trace: str
    span: str
    above: str
    links: tuple[tuple[str, str], ...]
    attributes: Mapping[str, str | int]
    failed: bool
    nanoseconds: int

    @property
    def traceparent(self) -> str:
        """Its place, as a header says it."""
        return f"00-{self.trace}-{self.span}-01"


class Collector:
    """What came so far; `url` is for STEPDOWN_OTLP_ENDPOINT, `paths` are those that were posted to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: set[str] = set()
        self.spans: list[SeenSpan] = []
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        """One request's spans."""
        self.paths.add(path)
        self.raw += body
        told = ExportTraceServiceRequest.FromString(body)
        for of_service in told.resource_spans:
            service = _values(of_service.resource.attributes)["service.name"]
            self.spans += [_seen(str(service), one) for scope in of_service.scope_spans for one in scope.spans]

    def named(self, name: str) -> list[SeenSpan]:
        """The spans of this name."""
        return [one for one in list(self.spans) if one.name == name]

    def of_trace(self, trace: str) -> list[SeenSpan]:
        """The spans of a trace."""
        return [one for one in list(self.spans) if one.trace == trace]


def _values(attributes: Any) -> dict[str, str | int]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def _seen(service: str, one: Told) -> SeenSpan:
    return SeenSpan(
        service,
        one.name,
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in one.links),
        _values(one.attributes),
        one.status.code == 2,
        one.end_time_unix_nano - one.start_time_unix_nano,
    )


@contextmanager
def a_collector() -> Iterator[Collector]:
    """A collector on any free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            found.take(self.path, gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
