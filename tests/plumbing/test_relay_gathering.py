"""When the relay waits for more before a pass, and when it sends at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from shared.storage.database import Database
from tests.databases import a_topic, everything
from tests.plumbing.test_relay import a_relay, commit, is_empty, records, relaying
from tests.waiting import until


async def test_what_comes_while_the_relay_sends_is_gathered_into_one_pass(
    kafka: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_topic(kafka, 1)
    relay, passes = a_relay(database, kafka, f"svc-{uuid.uuid4().hex[:8]}", gather=1.5), list[int]()
    move = relay._move

    async def meanwhile(producer: Any, found: Sequence[Any]) -> None:
        await move(producer, found)
        passes.append(sum(row["records"] for row in found))
        if len(passes) == 1:
            await commit(database, records(topic, [1]))

    monkeypatch.setattr(relay, "_move", meanwhile)
    async with relaying(relay):
        await commit(database, records(topic, [0]))
        await until(lambda: passes)
        await commit(database, records(topic, [2, 3]))
        await until(lambda: is_empty(database))
    assert passes == [1, 3]


async def test_after_a_quiet_pass_a_commit_is_sent_at_once(kafka: str, database: Database) -> None:
    topic = await a_topic(kafka, 1)
    async with relaying(a_relay(database, kafka, f"svc-{uuid.uuid4().hex[:8]}", gather=600.0)):
        for number in range(3):
            await commit(database, records(topic, [number]))
            await until(lambda: is_empty(database))
    assert [int(record.value) for record in await everything(kafka, topic)] == [0, 1, 2]
