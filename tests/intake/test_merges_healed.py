"""Merges after a loss: copies are told again as copies, and adopted as such, never as stays of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from services.intake.recovery.heal import Healing
from services.intake.tables import INTAKE
from shared.facts.envelope import Record, from_record
from shared.messaging import outbox
from shared.messaging.spool import Spool, told
from shared.storage.database import Database
from tests.databases import empty
from tests.intake.records import Ward, broken_of
from tests.placement.gate.test_lost import OnKafka
from tests.recovery.lost import NothingApplied


class Stated(NamedTuple):
    """What is compared of a fact: all but when it was recorded and what it names as its cause."""

    id: str
    name: str
    subject: str
    sequence: int
    copy_of: str | None
    replaces: str | None
    cancels: str | None
    reason: str | None


async def stated(intake: Intake) -> list[Stated]:
    """The facts on their way to care.events, by episode and sequence."""
    async with intake.database.read() as connection:
        facts = [from_record(row.value, row.headers) for row in await outbox.stored(connection)]
    every = [
        Stated(
            fact.id, fact.name, fact.subject, fact.sequence, fact.copy_of, fact.value.replaces,
            fact.as_json.get("cancels"), fact.as_json.get("reason"),
        )
        for fact in facts
    ]  # fmt: skip
    return sorted(every, key=lambda one: (one.subject, one.sequence))


async def healed(intake: Intake, records: Sequence[Record] = ()) -> Counter[str]:
    """`heal`, where care.events has these records."""
    database = Database(intake.database.engine.url.render_as_string(hide_password=False), pool=1)
    try:
        spool = Spool(database)
        await spool.begin()
        await spool.put(told(OnKafka(one) for one in records))

        async def step(_: int) -> None:
            """Nobody is told."""

        healing = Healing(spool, intake.site, intake.seal, NothingApplied(), step, intake.clock)
        await healing.compare()
        return await healing.heal()
    finally:
        await database.close()


@pytest.fixture
async def ward(own_intake: Intake) -> Ward:
    """Two patients merged, told apart, and merged again."""
    found = Ward(own_intake)
    await found.hears(
        found.says("A01", "20260302090000", "B", visit="W1"),
        found.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        found.says("A40", "20260306090000", "A", retired="B"),
        found.says("A37", "20260307090000", "A", other="B"),
        found.says("A40", "20260308090000", "A", retired="B"),
        found.says("A03", "20260309090000", "A", visit="W2", unit="RES"),
    )
    return found


async def test_copies_and_merges_that_the_topic_lost_are_told_again_as_they_were(ward: Ward) -> None:
    before = await stated(ward.intake)
    async with ward.intake.database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    assert (await healed(ward.intake))["facts"] == len(before)
    assert await stated(ward.intake) == before
    assert [one for one in before if one.copy_of]


async def test_copies_that_the_database_lost_are_adopted_as_copies(ward: Ward) -> None:
    intake = ward.intake
    async with intake.database.read() as connection:
        records = [row for row in await outbox.stored(connection) if row.topic == "care.events"]
    copies = {one.id: one.copy_of for one in await stated(intake) if one.copy_of}
    patients = {name: await ward.patient(name) for name in "AB"}
    await empty(intake.database, [*(table.name for table in INTAKE.sorted_tables), "outbox"])
    await healed(intake, records)
    async with intake.database.read() as connection:
        kept = (await connection.execute(sa.text("SELECT ce_id, copy_of FROM facts WHERE copy_of IS NOT NULL"))).all()
        visits = (
            await connection.execute(sa.text("SELECT patient_id, visit_key FROM visits ORDER BY visit_key"))
        ).all()
    assert {row[0]: row[1] for row in kept} == copies
    assert [(row[0], row[1]) for row in visits] == [(patients["B"], ward.mrn("W1")), (patients["A"], ward.mrn("W2"))]
    assert await broken_of(intake) == []
