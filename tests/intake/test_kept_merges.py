"""Merges that an earlier release took in and kept without doing anything take effect by themselves after an upgrade."""

from __future__ import annotations

import sqlalchemy as sa
from msgspec import structs

from services.intake.console.kept_records import take_in_kept
from services.intake.hl7 import codec
from services.intake.receiving.receive import Intake
from tests.intake.records import Ward, broken_of


async def as_an_earlier_release_kept_it(intake: Intake, trigger: str) -> None:
    """The rows as they were before merges were built: the message is noted `kept`, and nobody is anybody else."""
    async with intake.database.begin() as connection:
        for table in ("record_statements", "retirements", "match_evidence", "matches"):
            await connection.execute(sa.text(f"DELETE FROM {table}"))
        await connection.execute(sa.text("UPDATE patients SET kin = NULL"))
        rows = await connection.execute(
            sa.text("SELECT message_id, said FROM messages WHERE trigger = :trigger"), {"trigger": trigger}
        )
        for message_id, said in rows.all():
            bare = codec.encode(structs.replace(codec.decode(said), records=()))
            await connection.execute(
                sa.text("UPDATE messages SET note = 'kept', reason = NULL, said = :said WHERE message_id = :id"),
                {"said": bare, "id": message_id},
            )


async def test_a_merge_kept_by_an_earlier_release_takes_effect_once_it_is_read_again(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    await ward.hears(ward.says("A40", "20260306090000", "A", retired="B"))
    await as_an_earlier_release_kept_it(own_intake, "A40")
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W1"), ward.says("A01", "20260305090000", "A", visit="W2")
    )
    admitted = {("admitted", "03-02", "B", "B"), ("admitted", "03-05", "A", "A")}
    assert await ward.told("A B") == admitted
    assert await take_in_kept(own_intake) == 1
    assert await ward.told("A B") == admitted | {
        ("patients-merged", "03-06", "B", "B"),
        ("patients-merged", "03-06", "A", "A"),
        ("admitted*", "03-05", "A", "B"),
    }
    assert await ward.notes("A40") == [("applied", None)]
    assert await take_in_kept(own_intake) == 0
    assert await broken_of(own_intake) == []
