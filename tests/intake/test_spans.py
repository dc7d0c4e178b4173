"""What an operator's tracing sees of a message at a door: how long, how many, which answer, nothing of the patient."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.intake.hl7.frames import framed
from services.intake.receiving.receive import Intake
from shared import spans
from shared.facts.tracing import begun_with
from shared.span_export import to_collector
from tests.collector import Collector, a_collector
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """Where spans go, until `spans.turn_off`."""
    with a_collector() as found:
        spans.turn_on(to_collector(found.url, "intake", 1.0))
        yield found
        spans.turn_off()


async def test_a_message_by_mllp_is_the_root_of_its_trace_above_its_transaction_and_its_facts(
    hospital: Hospital, connected: Connect, collector: Collector
) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        assert b"MSA|AE|" in await sender.send(hospital.message("A03", "nonsense"))
    spans.turn_off()
    [fact] = await hospital.facts()
    root, refused = collector.named("MLLP message")
    assert root.traceparent == begun_with(fact.correlation_id or "")
    assert [one.attributes["stepdown.answer"] for one in (root, refused)] == ["AA", "AE"]
    [work] = [one for one in collector.of_trace(root.trace) if one.name == "intake transaction"]
    assert (work.above, work.attributes["stepdown.messages"], work.attributes["stepdown.triggers"]) == (
        root.span, 1, "A01",
    )  # fmt: skip
    [sent] = [one for one in collector.of_trace(root.trace) if one.name == "send care.events"]
    assert (sent.above, sent.traceparent) == (work.span, fact.traceparent)
    assert root.nanoseconds >= work.nanoseconds, "from the whole message to its answer"
    for said in (hospital.mrn, hospital.name, f"V1-{hospital.mrn}", "EPIC"):
        assert said.encode() not in collector.raw


async def test_messages_that_share_a_transaction_each_have_it_in_their_trace(
    intake: Intake, connected: Connect, collector: Collector
) -> None:
    two = [Hospital(intake), Hospital(intake)]
    async with opened(intake) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(b"".join(framed(each.message("A01")) for each in two))
        for _ in two:
            assert b"MSA|AA|" in await sender.answer()
    spans.turn_off()
    roots = {one.trace: one for one in collector.named("MLLP message")}
    assert len(roots) == 2
    for trace, root in roots.items():
        mine = [one for one in collector.of_trace(trace) if one.name == "intake transaction"]
        assert [one.above for one in mine] == [root.span]


async def test_what_a_sender_writes_for_an_event_is_no_name_in_a_span(
    hospital: Hospital, connected: Connect, collector: Collector
) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        await sender.send(hospital.message("A01").replace(b"ADT^A01", b"ADT^DOE"))
    spans.turn_off()
    assert [one.attributes["stepdown.triggers"] for one in collector.named("intake transaction")] == ["other"]
    assert b"DOE" not in collector.raw
