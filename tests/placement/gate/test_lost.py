"""What left, after the recipient's topic or the gate's own tables were lost (contract 5.8): it goes out again where it
has a basis today, and never a second time under another id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from services.placement.engine import store
from services.placement.gate import checks
from services.placement.gate.tables import GATE
from services.placement.recovery.heal import Healing
from shared.facts.envelope import Fact, Record
from shared.messaging import outbox
from shared.messaging.spool import Spool, told
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import at_once
from tests.builders import a_story, admitted, discharged
from tests.placement.gating import CLINIC, Gate, consent, revoked

SEAL = Seal({"k1": bytes(32)})


class OnKafka:
    """A record as the Kafka client gives it."""

    def __init__(self, record: Record) -> None:
        self.topic, self.key, self.value, self.headers = record.topic, record.key, record.value, record.headers


async def took_in(gate: Gate, story: Sequence[Fact]) -> None:
    """The gate and the engine's table of facts have these."""
    for one in story:
        await gate.bring(one)
    async with gate.database.begin() as connection:
        await at_once(connection, store.keeping(story))


async def left(gate: Gate) -> list[Record]:
    """What is on its way to the clinic is on its topic, and waits no more."""
    async with gate.database.begin() as connection:
        records = [one for one in await outbox.stored(connection) if one.topic == f"out.{CLINIC}"]
        await connection.execute(sa.text("DELETE FROM outbox"))
    return records


async def healed(gate: Gate, records: Sequence[Record] = ()) -> Counter[str]:
    """`heal`, where the topics have these records."""
    database = Database(gate.database.engine.url.render_as_string(hide_password=False), pool=1)
    try:
        spool = Spool(database)
        await spool.begin()
        await spool.put(told(OnKafka(one) for one in records))

        async def step(_: int) -> None:
            """Nobody is told."""

        healing = Healing(spool, load(SAMPLE), SEAL, step, gate.clock)
        await healing.compare()
        return await healing.heal()
    finally:
        await database.close()


async def broken(gate: Gate) -> list[str]:
    """What `verify` says of the ledger."""
    return [str(one) async for one in checks.broken(gate.database, load(SAMPLE))]


async def test_a_disclosure_that_its_topic_has_lost_goes_out_again_under_its_id_and_number(gate: Gate) -> None:
    await took_in(gate, a_story(consent(), admitted(), discharged()))
    [first, second] = await gate.out()
    before = await left(gate)
    assert (await healed(gate, before[:1]))["disclosures"] == 1
    [again] = await gate.out()
    assert (again.id, again.sequence, again.value) == (second.id, 2, second.value)
    assert first.id != again.id


async def test_a_disclosure_whose_consent_was_revoked_since_does_not_go_out_again_and_the_ledger_says_so(
    gate: Gate,
) -> None:
    await took_in(gate, a_story(consent(), admitted(), revoked()))
    await left(gate)
    assert (await healed(gate))["disclosures not told again"] == 1
    assert await gate.out() == []
    async with gate.database.read() as connection:
        said = (await connection.execute(sa.text("SELECT disclosure_id, reason FROM not_told_again"))).all()
    assert [tuple(row) for row in said] == [((await gate.ledger())[0].disclosure_id, "revoked")]
    assert [one async for one in checks.sent(gate.database)] == []
    assert (await healed(gate))["disclosures not told again"] == 0


async def test_what_left_before_the_gate_was_restored_older_is_adopted_and_does_not_leave_twice(gate: Gate) -> None:
    story = a_story(consent(), admitted(), discharged())
    await took_in(gate, story)
    records, before = await left(gate), await gate.ledger()
    async with gate.database.begin() as connection:
        await connection.execute(sa.text(f"TRUNCATE {', '.join(GATE.tables)}"))
    assert (await healed(gate, records))["disclosures adopted"] == 2
    for one in story:
        await gate.bring(one)
    assert await gate.out() == []
    same = (
        "disclosure_id",
        "sequence",
        "fact_id",
        "fields",
        "basis",
        "basis_id",
        "basis_fact",
        "basis_from",
        "purpose",
    )
    assert [[getattr(row, name) for name in same] for row in await gate.ledger()] == [
        [getattr(row, name) for name in same] for row in before
    ]
    assert await broken(gate) == []
    assert await gate.waiting() == []
