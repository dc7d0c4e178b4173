"""Facts that come again, too early, many at once, or under a number that is taken."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest
import sqlalchemy as sa

from services.placement.gate.tables import gate_facts
from shared.facts.tracing import trace_of
from shared.storage.database import Database
from shared.storage.tables import parked
from tests.builders import a_story, admitted, discharged, fact
from tests.placement.feeding import Feed
from tests.placement.gating import Gate, consent

FILLED = import_module("services.placement.migrations.versions.0013_gate_facts").FILLED


async def test_a_fact_told_again_does_not_go_out_again(gate: Gate) -> None:
    story = a_story(consent(), admitted())
    await gate.bring(*story)
    assert await gate.bring(*story) == {"repeated": 2}
    assert len(await gate.out()) == 1


async def test_a_fact_that_comes_too_early_waits_for_the_one_before_it(gate: Gate, database: Database) -> None:
    first, second, third = a_story(consent(), admitted(), discharged())
    assert await gate.bring(first, third) == {"applied": 1, "waiting": 1}
    assert await gate.out() == []
    assert await gate.bring(second) == {"applied": 2, "waiting": -1}
    assert await gate.told() == [second.id, third.id]
    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(parked))).scalar_one() == 0


async def test_facts_about_nobody_outside_leave_no_trace_but_where_the_episode_stands(gate: Gate) -> None:
    await gate.bring(*a_story(fact("danced"), fact("assessed", instrument="LOCUS", version="20", phase="intake")))
    assert (await gate.out(), await gate.waiting(), await gate.ledger()) == ([], [], [])
    assert gate.total["applied"] == 2


async def test_many_episodes_in_one_batch_are_kept_apart(gate: Gate) -> None:
    told = [
        one
        for number in range(30)
        for one in a_story(*([consent(episode=f"e-{number}")] if number % 2 else []), admitted(episode=f"e-{number}"))
    ]
    await gate.bring(*told)
    assert {row.episode_id for row in await gate.ledger()} == {f"e-{number}" for number in range(1, 30, 2)}
    assert len(await gate.waiting()) == 15


async def test_what_leaves_is_in_the_trace_of_the_fact_that_let_it_out(gate: Gate) -> None:
    traces = [f"00-{digit * 32}-{digit * 16}-01" for digit in "123"]
    told = [
        replace(one, traceparent=trace)
        for one, trace in zip(a_story(admitted(), consent(), discharged()), traces, strict=True)
    ]
    for one in told:
        await gate.bring(one)
    found = [trace_of(one.traceparent) for one in await gate.out()]
    assert found == [trace_of(traces[1]), trace_of(traces[2])], "the consent's, then the discharge's own"


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_another_fact_with_a_number_that_is_taken_is_refused(gate: Gate, together: bool) -> None:
    """As placement's other consumer does (decision 0171)."""
    begun = admitted(sequence=1)
    other = replace(discharged("2026-03-09 14:00"), sequence=1)
    if together:
        assert await gate.bring(begun, other) == {"applied": 1, "dead": 1}
    else:
        await gate.bring(begun)
        assert await gate.bring(other) == {"dead": 1}
    assert gate.refused == [(other.id, "another fact of this writer has this ce_sequence already")]
    assert await gate.waiting() == [(begun.id, "no-consent")]
    assert await gate.bring(begun) == {"repeated": 1}


async def test_another_fact_with_the_number_of_one_that_waits_is_refused(gate: Gate) -> None:
    begun, ended = a_story(admitted(), discharged())
    await gate.bring(ended)
    other = replace(discharged("2026-03-10 14:00"), sequence=2)
    assert await gate.bring(other) == {"dead": 1}
    assert await gate.bring(begun) == {"applied": 2, "waiting": -1}
    assert [fact for fact, _ in await gate.waiting()] == [begun.id, ended.id]


async def test_a_gate_of_an_older_database_knows_what_it_heard(gate: Gate, feed: Feed, database: Database) -> None:
    begun, ended = a_story(admitted(), discharged())
    await feed.bring(begun, ended)
    await gate.bring(begun)
    async with database.begin() as connection:
        await connection.execute(sa.delete(gate_facts))
        await connection.execute(sa.text(FILLED))
    assert await gate.bring(begun, replace(ended, sequence=1), ended) == {"applied": 1, "repeated": 1, "dead": 1}
