"""Which records the gate can rule on, and its consumer at work beside placement's own on a real broker."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from faststream.kafka import KafkaBroker

from services.placement.engine import consumer
from services.placement.gate.consumer import passable, subscription
from services.placement.gate.docket import Decisions, Docket, decide
from services.placement.gate.recipients import GateRules
from services.placement.rules import Rules
from shared.clock import SetClock
from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, to_record
from shared.facts.values import UnknownFact
from shared.messaging.relay import Relay
from shared.storage.database import Database
from shared.storage.tables import positions
from tests.builders import a_story, admitted, cancelled, discharged, fact
from tests.databases import everything, make_topics, produce
from tests.placement.gating import CLINIC, Gate, consent, revoked
from tests.waiting import until


def record(one: Fact, **other: Any) -> Any:
    """The fact on its topic; `other` are fields that say something else, and `...` leaves one out."""
    told = {name: content for name, content in {**one.as_json, **other}.items() if content is not ...}
    made = to_record(one, "care.events")
    return SimpleNamespace(key=made.key, value=orjson.dumps(told), headers=made.headers)


STAY = {"kind": "visit", "id": "V1"}
STEP = fact(
    "stepped-down", writer="placement", from_level="php", to_level="iop", from_stay=STAY, to_stay=STAY, days_between=0,
    planned=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (record(admitted(), level=...), "the field level is missing or unreadable"),
        (record(STEP, labels="PART2"), "the field labels is missing or unreadable"),
        (record(STEP, labels=[7]), "the field labels[0] is missing or unreadable"),
        (record(STEP, labels=None), "the field labels is missing or unreadable"),
        (record(STEP, facility=...), "the field facility is missing or unreadable"),
        (record(STEP, facility="SECRET"), "the site config has no such facility; add it, then replay the dead letter"),
        (record(STEP, occurred_at="SECRET"), "the field occurred_at is missing or unreadable"),
        (record(STEP, stay="SECRET"), "the field stay is missing or unreadable"),
        (record(STEP, patient_id=7), "the field patient_id is missing or unreadable"),
        (record(STEP, episode_id="SECRET"), "the episode_id is not the ce_subject"),
        (record(consent(), scope=...), "the field scope is missing or unreadable"),
        (record(consent(), **{"from": "SECRET"}), "the field from is missing or unreadable"),
        (record(revoked(), consent_id=...), "the field consent_id is missing or unreadable"),
    ],
)
def test_what_the_gate_can_not_read_goes_nowhere_and_is_told_by_its_field(
    told: Any, why: str, gate_site: GateRules
) -> None:
    with pytest.raises(InvalidMessage) as refused:
        passable(told, rules=gate_site)
    assert str(refused.value) == why


@pytest.mark.parametrize("told", [STEP, admitted(), consent(), revoked(), fact("danced")])
def test_a_fact_as_its_writer_states_it_is_read(told: Fact, gate_site: GateRules) -> None:
    assert passable(record(told), rules=gate_site) == told


def test_of_a_type_that_nobody_knows_nothing_goes_out_whatever_the_site_says(gate_site: GateRules) -> None:
    danced = fact("danced", labels=(), stay=("visit", "V1"))
    clinic = gate_site.outsiders[CLINIC]
    lets_all = replace(clinic, receives={danced.type: frozenset({"stay"})})
    rules = replace(gate_site, outsiders={CLINIC: lets_all}, received=frozenset({danced.type}))
    told = passable(record(danced, facility=...), rules=rules)
    assert isinstance(told.value, UnknownFact)
    assert decide(Docket(told.subject), [told, danced], rules, datetime(2026, 5, 4, tzinfo=UTC)) == Decisions()


@pytest.mark.parametrize("where", [{"unit": "DTX"}, {"program": "GH-DETOX"}, {"to": {"unit": "RES"}}])
def test_what_is_said_of_a_stay_by_a_type_that_nobody_knows_is_not_forgotten(
    where: dict[str, Any], gate_site: GateRules
) -> None:
    docket = Docket("episode-1")
    danced = fact("danced", labels=(), stay=("visit", "V1"), **where)
    decide(docket, [danced], gate_site, datetime(2026, 5, 4, tzinfo=UTC))
    assert docket.labels["visit:V1"] >= {"SUD", "PART2"}


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
