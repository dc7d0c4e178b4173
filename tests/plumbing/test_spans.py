"""Spans of pieces of work: in the trace of what caused them, linked where there are many, told of what was done."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import spans
from shared.facts.envelope import Record
from shared.facts.tracing import begun_with, onward
from shared.run import trace
from shared.settings import Settings
from shared.span_export import TIMEOUT, TRACES, to_collector
from shared.storage.database import Database
from shared.web import tracing
from shared.web.app import web_app
from tests.collector import Collector, SeenSpan, a_collector

MINE, YOURS = begun_with("message-1"), begun_with("message-2")
VALUE = "DOE-JANE-4711"


@pytest.fixture(scope="module")
def running() -> Iterator[Collector]:
    with a_collector() as found:
        yield found


@contextmanager
def recorded(collector: Collector, share: float = 1.0) -> Iterator[None]:
    """Spans are sent to the collector, and all have arrived afterwards."""
    collector.spans.clear()
    spans.turn_on(to_collector(collector.url, "tested", share))
    try:
        yield
    finally:
        spans.turn_off()


def record(ce_id: str, cause: str | None) -> Record:
    """A fact for care.events, as the outbox gets it."""
    headers = {"ce_id": ce_id, "ce_type": "care.admitted.v1", "traceparent": onward(cause, ce_id)}
    return Record("care.events", b"k", b"{}", [(name, text.encode()) for name, text in headers.items()])


def ids(traceparent: str) -> tuple[str, str]:
    """Trace and span id."""
    return traceparent.split("-")[1], traceparent.split("-")[2]


def one(found: list[SeenSpan]) -> SeenSpan:
    assert len(found) == 1, found
    return found[0]


def test_work_for_one_trace_is_below_its_cause_and_above_what_it_sent(running: Collector) -> None:
    with recorded(running), spans.work("process t", lambda: [MINE, MINE, None, "nonsense"], kind="consumer") as work:
        spans.sent([record("fact-1", MINE)])
        work.note({"stepdown.applied": 2})
    done, sent = one(running.named("process t")), one(running.named("send care.events"))
    assert (done.trace, done.above) == ids(MINE)
    assert (done.attributes["stepdown.applied"], done.failed, done.service) == (2, False, "stepdown-tested")
    assert (sent.trace, sent.span) == ids(onward(MINE, "fact-1"))
    assert sent.above == done.span
    assert sent.attributes["messaging.destination.name"] == "care.events"
    assert running.paths == {"/v1/traces"}


def test_work_for_several_traces_is_linked_with_each_and_has_a_span_in_each(running: Collector) -> None:
    with recorded(running), spans.work("process t", lambda: [MINE, YOURS]):
        spans.sent([record("fact-1", MINE), record("fact-2", YOURS)])
    found = running.named("process t")
    batch = one([each for each in found if not each.above])
    assert set(batch.links) == {ids(MINE), ids(YOURS)}
    assert batch.attributes["stepdown.traces"] == 2
    for cause, fact in ((MINE, "fact-1"), (YOURS, "fact-2")):
        part = one([each for each in found if each.trace == ids(cause)[0]])
        assert part.above == ids(cause)[1]
        assert part.links == ((batch.trace, batch.span),)
        assert one([each for each in running.named("send care.events") if each.trace == part.trace]).above == part.span
        assert onward(cause, fact).split("-")[1] == part.trace


def test_of_a_huge_batch_so_many_traces_are_told_and_the_number_of_all(running: Collector) -> None:
    with recorded(running), spans.work("process t", lambda: [begun_with(str(n)) for n in range(TRACES + 7)]):
        pass
    batch = one([each for each in running.named("process t") if not each.above])
    assert (len(batch.links), batch.attributes["stepdown.traces"]) == (TRACES, TRACES + 7)
    assert len(running.named("process t")) == TRACES + 1


def test_what_was_rolled_back_was_not_sent_and_says_only_the_kind_of_its_fault(running: Collector) -> None:
    with recorded(running), pytest.raises(ValueError, match=VALUE), spans.work("process t", lambda: [MINE]):
        spans.sent([record("fact-1", MINE)])
        raise ValueError(VALUE)
    failed = one(running.named("process t"))
    assert (failed.failed, failed.attributes["error.type"]) == (True, "ValueError")
    assert running.named("send care.events") == []
    assert VALUE.encode() not in running.raw


def test_what_an_inner_piece_sent_waits_for_the_outer_one(running: Collector) -> None:
    with recorded(running), pytest.raises(ValueError, match="outer"), spans.work("outer", lambda: [MINE]):
        with spans.work("inner", lambda: [YOURS]):
            spans.sent([record("fact-1", MINE)])
        raise ValueError("outer")
    assert {each.name for each in running.spans} == {"outer", "inner"}
    with recorded(running), spans.work("outer", lambda: [MINE]), spans.work("inner", lambda: [YOURS]):
        spans.sent([record("fact-1", MINE)])
    assert one(running.named("send care.events")).above == one(running.named("outer")).span


def test_a_record_without_work_around_it_begins_its_trace_and_an_acknowledgement_is_none(running: Collector) -> None:
    with recorded(running):
        ack = Record("hospital.acks", b"k", b"MSA", [("traceparent", MINE.encode())])
        spans.sent([record("fact-1", MINE), ack])
    sent = one(running.spans)
    assert ((sent.trace, sent.span), sent.above) == (ids(onward(MINE, "fact-1")), "")


@pytest.mark.parametrize(("share", "cause", "number"), [(0, MINE, 0), (1, MINE, 1), (1, f"{MINE[:-2]}00", 0)])
def test_a_share_of_traces_is_sent_and_none_that_its_caller_does_not_sample(
    running: Collector, share: float, cause: str, number: int
) -> None:
    with recorded(running, share), spans.work("process t", lambda: [cause]):
        pass
    assert len(running.spans) == number


def test_one_trace_is_sent_by_all_services_or_by_none(running: Collector) -> None:
    whole: dict[str, int] = {}
    with recorded(running, 0.5):
        for n in range(40):
            trace = begun_with(f"message-{n}")
            spans.door("MLLP message", [trace], 0.0, {})
            with spans.work("process t", lambda trace=trace: [trace]):  # type: ignore[misc]
                spans.sent([record(f"fact-{n}", trace)])
    for each in running.spans:
        whole[each.trace] = whole.get(each.trace, 0) + 1
    assert set(whole.values()) == {3}
    assert 5 < len(whole) < 35


def test_a_collector_that_is_away_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.span_export.FAREWELL", 0.3)
    spans.turn_on(to_collector("http://127.0.0.1:9", "tested", 1.0))
    for n in range(3000):
        spans.door("MLLP message", [begun_with(str(n))], 0.0, {})
    began = time.monotonic()
    spans.turn_off()
    assert time.monotonic() - began < TIMEOUT, "the SDK alone takes that for each of six batches"


@pytest.mark.parametrize(
    ("ours", "theirs", "sent"), [(True, False, True), (False, True, True), (False, False, False)],
    ids=["our variable", "OpenTelemetry's", "neither"],
)  # fmt: skip
def test_an_endpoint_turns_it_on_by_either_variable(
    running: Collector, monkeypatch: pytest.MonkeyPatch, ours: bool, theirs: bool, sent: bool
) -> None:
    running.spans.clear()
    running.paths.clear()
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    if theirs:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
    trace("tested", Settings(otlp_endpoint=running.url if ours else None))
    assert spans.on() == sent
    spans.door("MLLP message", [MINE], 0.0, {})
    spans.turn_off()
    assert ([one.traceparent for one in running.spans], running.paths) == (
        ([MINE], {"/v1/traces"}) if sent else ([], set())
    )


async def _ok(request: Request) -> Response:
    spans.sent([record(request.path_params["id"], tracing.of_the_request())])
    return Response(tracing.of_the_request() or "")


async def _fails(_: Request) -> Response:
    raise RuntimeError(VALUE)


async def _ready() -> dict[str, str]:
    return {}


async def asked(path: str, headers: dict[str, str]) -> httpx.Response:
    app = web_app(
        title="t", tokens=None, ready=_ready, routes=[Route("/api/people/{id}", _ok), Route("/fails", _fails)]
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        return await http.get(path, headers=headers)


@pytest.mark.parametrize("given", [MINE, None], ids=["with the caller's trace", "without one"])
async def test_a_request_is_a_span_by_its_route_above_what_it_causes(running: Collector, given: str | None) -> None:
    with recorded(running):
        answer = await asked(f"/api/people/{VALUE}?q={VALUE}", {"traceparent": given} if given else {})
    request, sent = one(running.named("GET /api/people/{id}")), one(running.named("send care.events"))
    assert answer.text == request.traceparent
    assert (request.trace, request.above) == (ids(given) if given else (ids(answer.text)[0], ""))
    assert (sent.trace, sent.above) == (request.trace, request.span)
    assert (request.attributes["http.response.status_code"], request.attributes["stepdown.roles"]) == (200, "")
    assert VALUE.encode() not in running.raw


async def test_a_request_that_fails_says_so_and_health_is_no_span(running: Collector) -> None:
    with recorded(running):
        assert (await asked("/fails", {})).status_code == 500
        assert (await asked("/health/ready", {})).status_code == 200
        assert (await asked("/metrics", {})).status_code == 200
    failed = one(running.spans)
    assert (failed.name, failed.failed, failed.attributes["error.type"]) == ("GET /fails", True, "RuntimeError")
    assert VALUE.encode() not in running.raw


def test_without_an_endpoint_nothing_is_recorded_and_the_library_is_not_imported(database: Database) -> None:
    def never() -> list[str]:
        raise AssertionError("asked although nobody records")

    causes: Callable[[], list[str]] = never
    with spans.work("process t", causes, told=lambda: {"a": len(never())}) as work:
        assert work is spans.NO_WORK
        assert work.place() is None
    seen = "import sys, services.intake.app, services.placement.app; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", seen], check=False).returncode == 0
