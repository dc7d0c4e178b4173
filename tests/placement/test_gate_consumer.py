"""Which records the gate can rule on, and its consumer at work beside placement's own on a real broker."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from faststream.kafka import KafkaBroker

from services.placement.engine import consumer
from services.placement.gate.consumer import passable, subscription
from services.placement.gate.recipients import GateRules
from services.placement.rules import Rules
from shared.clock import SetClock
from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, to_record
from shared.messaging.outbox import Relay
from shared.storage.database import Database
from shared.storage.tables import positions
from tests.builders import a_story, admitted, cancelled, discharged, fact
from tests.databases import everything, make_topics, produce
from tests.placement.gating import CLINIC, Gate, consent, revoked
from tests.waiting import until


def record(one: Fact) -> Any:
    made = to_record(one, "care.events")
    return SimpleNamespace(key=made.key, value=made.value, headers=made.headers)


def with_(one: Fact, **other: Any) -> Fact:
    value = {name: told for name, told in {**one.value, **other}.items() if told is not ...}
    return replace(one, value=value)


STEP = fact("stepped-down", writer="placement", from_level="php", to_level="iop")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (with_(admitted(), level=...), "the admitted fact has no level"),
        (with_(STEP, labels="PART2"), "the stepped-down fact has no readable labels"),
        (with_(STEP, labels=[7]), "the stepped-down fact has no readable labels"),
        (with_(STEP, facility=...), "the stepped-down fact has no readable facility"),
        (with_(STEP, facility="SECRET"), "the site config has no such facility; add it, then replay the dead letter"),
        (with_(STEP, occurred_at="SECRET"), "the stepped-down fact has no readable occurred_at"),
        (with_(STEP, stay="SECRET"), "the stepped-down fact has no readable stay"),
        (with_(STEP, patient_id=7), "the stepped-down fact has no readable patient_id"),
        (with_(STEP, episode_id="SECRET"), "the episode_id is not the ce_subject"),
        (with_(consent(), scope=...), "the terms of the consent are unreadable"),
        (with_(consent(), **{"from": "SECRET"}), "the terms of the consent are unreadable"),
        (with_(revoked(), consent_id=...), "the field consent_id is unreadable"),
    ],
)
def test_what_the_gate_can_not_read_goes_nowhere_and_is_told_by_its_field(
    told: Fact, why: str, gate_site: GateRules
) -> None:
    with pytest.raises(InvalidMessage) as refused:
        passable(record(told), rules=gate_site)
    assert str(refused.value) == why


@pytest.mark.parametrize("told", [STEP, admitted(), consent(), revoked(), with_(fact("danced"), facility=...)])
def test_a_fact_as_its_writer_states_it_is_read(told: Fact, gate_site: GateRules) -> None:
    assert passable(record(told), rules=gate_site) == told


async def test_the_gate_reads_beside_placement_and_the_relay_brings_what_it_lets_out(
    kafka: str, database: Database, gate: Gate, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    topic = f"test-{uuid.uuid4().hex[:12]}"
    dead = ["care.events", "care.episodes", "billing.service-periods", "billing.periods", "dead.placement"]
    known = [f"out.{name}" for name in gate.rules.outsiders]
    await make_topics(kafka, [topic, *dead, *known], partitions=1)
    begun = admitted()
    story = a_story(begun, consent(), discharged(), cancelled(begun))
    await produce(kafka, topic, [to_record(one, topic)[1:] for one in story] + [(b"k", b"{", [])])
    broker = KafkaBroker(kafka, allow_auto_create_topics=False, log_level=logging.DEBUG)
    one = consumer.subscription(database, rules, clock=clock, ids=ids, topic=topic)
    two = subscription(database, gate.rules, clock=clock, ids=gate.ids, topic=topic)
    broker.include_routers(one.router, two.router)
    relay = Relay(database, "placement", {"bootstrap_servers": kafka})

    async def counts() -> dict[str, tuple[int, int, int]]:
        async with database.read() as connection:
            rows = await connection.execute(
                sa.select(positions.c.consumer, *(positions.c[name] for name in ("received", "applied", "dead")))
            )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    async def both_are_done() -> bool:
        found = await counts()
        return len(found) == 2 and all(received == 5 for received, _, _ in found.values())

    await broker.start()
    try:
        await until(both_are_done, 30)
        while await relay.once():
            pass
    finally:
        await broker.stop()
        await relay.stop()
    assert (one.consumer_name, two.consumer_name) == (f"placement.{topic}", "placement.gate")
    assert await counts() == {one.consumer_name: (5, 4, 1), two.consumer_name: (5, 4, 1)}
    sent = await everything(kafka, f"out.{CLINIC}")
    assert [dict(each.headers)["ce_id"].decode() for each in sent] == [row.disclosure_id for row in await gate.ledger()]
    assert {each.key.decode() for each in sent} == {begun.subject}
