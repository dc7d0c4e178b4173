"""What is answered, kept and stated for messages, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.handlers import OTHER_BODY, Intake, take_in
from services.intake.reading import Received
from shared.clock import SetClock
from tests.intake.conftest import NOW, Hospital


async def test_an_admission_is_acknowledged_and_stated(hospital: Hospital) -> None:
    (answer,) = await hospital.says(hospital.message("A01", control="IN-1"))
    assert answer.code == "AA"
    assert b"MSA|AA|IN-1" in answer.replies[0]
    (fact,) = await hospital.facts()
    assert (fact.type, fact.sequence, fact.value["level"]) == ("care.admitted.v1", 1, "inpatient")
    assert fact.value["patient"] == {"mrn": hospital.mrn, "assigning_authority": "GH"}
    assert fact.value["labels"] == ["PSY"]
    assert fact.correlation_id == fact.causation_id == answer.message_ids[0]


async def test_a_cancelled_discharge_takes_back_what_was_said(hospital: Hospital) -> None:
    for trigger, at in (("A01", "20260310090000"), ("A03", "20260312100000"), ("A13", "20260312110000")):
        assert await hospital.tells(trigger, at) == "AA"
    facts = await hospital.facts()
    assert [fact.name for fact in facts] == ["admitted", "discharged", "fact-cancelled"]
    assert [fact.sequence for fact in facts] == [1, 2, 3]
    assert len({fact.subject for fact in facts}) == 1
    assert facts[2].value["cancels"] == facts[1].id
    assert facts[2].value["reason"] == "cancelled-by-sender"


STORY = (("A01", "20260310090000"), ("A03", "20260312100000"), ("A13", "20260312110000"))


@pytest.mark.parametrize("order", ["012", "021", "102", "120", "201", "210"])
async def test_two_messages_in_one_frame_get_two_replies(hospital: Hospital) -> None:
    both = hospital.message("A01", control="ONE") + hospital.message("A03", "20260312100000", control="TWO")
    (answer,) = await hospital.says(both)
    assert [b"MSA|AA|ONE" in answer.replies[0], b"MSA|AA|TWO" in answer.replies[1]] == [True, True]
    assert await hospital.names() == ["admitted", "discharged"]


async def test_a_patient_is_known_by_any_of_its_ids(hospital: Hospital) -> None:
    other = f"{hospital.mrn}^^^GH^PI~ACC{hospital.mrn}^^^GH^AN".encode()
    own = f"{hospital.mrn}^^^GH^MR".encode()
    await hospital.says(hospital.message("A01").replace(own, own + b"~" + other))
    await hospital.says(hospital.message("A03", "20260312100000").replace(own, other))
    assert await hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}


async def test_told_again_what_is_so_has_no_effect(hospital: Hospital) -> None:
    await hospital.tells("A01")
    await hospital.tells("A01")
    assert [row.note for row in await hospital.rows("note")] == ["applied", "no-effect"]
    assert await hospital.names() == ["admitted"]


async def test_batches_of_one_patient_at_once_count_one_sequence(hospital: Hospital) -> None:
    told = [hospital.message("A01", f"202603{day:02}090000", visit=f"V{day}") for day in range(1, 9)]
    await asyncio.gather(*(hospital.says(raw) for raw in told))
    facts = await hospital.facts()
    for episode in {fact.subject for fact in facts}:
        sequences = sorted(fact.sequence for fact in facts if fact.subject == episode)
        assert sequences == list(range(1, len(sequences) + 1))
    assert len(facts) == 8


async def test_a_message_is_sealed_and_nothing_of_it_lies_open(hospital: Hospital) -> None:
    await hospital.tells("A01")
    (row,) = await hospital.rows("message_id, sealed, said, messages.*::text AS whole")
    assert hospital.name.encode() in hospital.intake.seal.open(row.sealed, row.message_id)
    assert hospital.name not in row.whole
    assert hospital.name.encode() not in row.said
    async with hospital.intake.database.read() as connection:
        identity = await connection.execute(
            sa.text("SELECT sealed, patient_id FROM identities WHERE patient_id IN (SELECT patient_id FROM visits "
                    "WHERE visit_key LIKE :mrn)"), {"mrn": f"%{hospital.mrn}"}
        )  # fmt: skip
        kept = identity.one()
    assert hospital.name.encode() in hospital.intake.seal.open(kept.sealed, f"identity:{kept.patient_id}")


async def _count(intake: Intake, where: str, **given: Any) -> int:
    given = {name: list(value) for name, value in given.items()}
    async with intake.database.read() as connection:
        return int(
            (await connection.execute(sa.text(f"SELECT count(*) FROM messages WHERE {where}"), given)).scalar_one()
        )


async def _alter(intake: Intake, how: str) -> None:
    async with intake.database.begin() as connection:
        await connection.execute(sa.text(f"ALTER TABLE messages {how}"))
