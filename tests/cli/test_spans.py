"""One discharge, seen by an operator's tracing: one tree of spans from the door to the bill, over three services."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.facts.tracing import trace_of
from tests.cli.conftest import RunningSystem, a_system
from tests.cli.messages import stay
from tests.collector import Collector, SeenSpan, a_collector
from tests.waiting import until

pytestmark = pytest.mark.slow
WAY = {
    ("stepdown-intake", "intake transaction"),
    ("stepdown-intake", "send care.events"),
    ("stepdown-placement", "process placement.care.events"),
    ("stepdown-placement", "process placement.gate"),
    ("stepdown-placement", "send care.episodes"),
    ("stepdown-placement", "send billing.service-periods"),
    ("stepdown-aftercare", "process aftercare.care.episodes"),
    ("stepdown-aftercare", "send care.events"),
}
"""Services, and what each does for a discharge that has come by a door."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with a_collector() as found:
        yield found


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system that sends its spans to the collector."""
    with a_system(tmp_path_factory.mktemp("traced"), STEPDOWN_OTLP_ENDPOINT=collector.url) as running:
        yield running


def on_the_way(collector: Collector, trace: str) -> set[tuple[str, str]]:
    return {(one.service, one.name) for one in collector.of_trace(trace)}


def rootless(found: list[SeenSpan]) -> list[str]:
    """The names of spans above which nothing is, though they say so, and of roots."""
    known = {one.span for one in found}
    return [one.name for one in found if one.above not in known]


@pytest.mark.parametrize(("door", "root"), [((), "MLLP message"), (("--kafka",), "hospital.adt message")])
async def test_a_discharge_is_one_trace_from_the_door_to_the_bill_and_says_nothing_of_the_patient(
    traced: RunningSystem, collector: Collector, tmp_path: Path, door: tuple[str, ...], root: str
) -> None:
    mrn = f"CANARY{uuid.uuid4().hex[:8].upper()}"
    (tmp_path / "day.hl7").write_bytes(b"".join(stay(mrn)))
    assert traced.stepdown("send", *door, str(tmp_path / "day.hl7")).code == 0
    episode = (await until(lambda: traced.told(f"V{mrn}")))["key"]
    lines = traced.stepdown("events tail --json --until-idle 0.5").lines
    [ended] = [
        one["headers"] for one in lines if (one["key"], one["headers"]["ce_type"]) == (episode, "care.discharged.v1")
    ]
    found = trace_of(ended["traceparent"])
    assert found is not None
    await until(lambda: on_the_way(collector, found[0]) >= {*WAY, ("stepdown-intake", root)}, seconds=60)
    await until(lambda: rootless(collector.of_trace(found[0])) == [root], seconds=30)
    assert {one.service for one in collector.named("relay pass")} >= {"stepdown-intake", "stepdown-placement"}
    assert not [one for one in collector.spans if one.failed]
    for said in (mrn, f"V{mrn}", "DOE", "JANE", "19800101", episode):
        assert said.encode() not in collector.raw
