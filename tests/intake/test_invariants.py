"""What `verify` finds in intake's database: nothing while all is well, and each thing that is broken."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.intake.checks import broken
from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital

ONE_WAITS = (
    "INSERT INTO positions (consumer, topic, partition, next_offset, received, waiting) "
    "VALUES ('c', 'hospital.adt', 0, 1, 1, 1)"
)


async def found(intake: Intake) -> list[str]:
    """What is broken, but for the outbox: there is no relay here."""
    return [str(what) async for what in broken(intake.database, intake.site, page=3) if what.subject != "outbox"]


async def test_nothing_is_broken_after_stories_in_any_order(own_intake: Intake) -> None:
    for order in ("A01 A03 A13", "A13 A03 A01", "A03 A01", "A08 A01 A03", "A11 A01"):
        hospital = Hospital(own_intake)
        for number, trigger in enumerate(order.split()):
            await hospital.tells(trigger, f"2026031{number}090000")
    assert await found(own_intake) == []
    told = [str(what) async for what in broken(own_intake.database, own_intake.site)]
    assert len(told) == 1
    assert told[0].startswith("outbox: ")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE facts SET standing = false", "do not stand"),
        ("UPDATE facts SET standing = true", "facts stand that its messages do not give"),
        ("DELETE FROM facts WHERE sequence = 1", "its sequences are not"),
        ("UPDATE episodes SET sequence = sequence + 1", "its sequences are not"),
        ("UPDATE messages SET note = 'waiting'", "what is noted"),
        ("UPDATE visits SET mapping = 'older'", "another site config"),
        ("UPDATE facts SET standing = false WHERE type = 'patient-died'", "the patient's death"),
        (
            "INSERT INTO positions (consumer, topic, partition, next_offset, received) VALUES ('c', 't', 0, 1, 1)",
            "do not add up",
        ),
        (ONE_WAITS, "not as many records wait"),
    ],
)
async def test_damage_is_found(own_intake: Intake, damage: str, says: str) -> None:
    hospital = Hospital(own_intake)
    for number, trigger in enumerate(("A01", "A03", "A13")):
        await hospital.tells(trigger, f"2026031{number}090000")
    await hospital.tells("A03", "20260315090000", pv1={36: "20"})
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.text(damage))
    told = await found(own_intake)
    assert any(says in what for what in told)
    assert hospital.mrn not in "".join(told)
