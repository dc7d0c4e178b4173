"""Whoever was told of a record that a merge retired is told of the merge, and of its end (contract 3.6 rule 11,
5.7)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.facts.envelope import Fact
from tests.builders import ELSEWHERE, restated
from tests.builders import admitted as came
from tests.builders import discharged as left
from tests.placement.gating import BOARD, CLINIC, Gate, consent, revoked
from tests.placement.merging import Intake

R, S = "R", "S"
IN, OUT = came("2026-03-02 10:00"), left("2026-03-05 10:00")


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def bring(gate: Gate, *facts: Fact) -> None:
    """Each in a batch of its own."""
    for one in facts:
        await gate.bring(one)


async def told(gate: Gate, recipient: str = CLINIC) -> list[tuple[str, str, str | None]]:
    """(Episode, name, `cancels` or `replaces`) of what a recipient was told, in order."""
    return [
        (
            one.value.episode_id,
            one.value.fact_type.split(".")[1],
            "cancels" if one.value.cancels else "replaces" if one.value.replaces else None,
        )
        for one in await gate.out(recipient)
    ]


IS_MERGED, IS_NOT = (R, "patients-merged", None), (R, "fact-cancelled", "cancels")


async def test_who_was_told_of_the_record_is_told_of_the_merge_and_of_its_end(gate: Gate, intake: Intake) -> None:
    await bring(gate, *intake.stays(R, consent(), IN))
    [merge, *copies] = intake.merges(R, S)
    await bring(gate, merge, *copies)
    assert await told(gate) == [(R, "admitted", None), IS_MERGED, (S, "admitted", None)]
    notice = (await gate.out())[1].value
    assert notice.content == {"surviving_episode_id": S, "surviving_patient_id": "patient-of-S"}
    assert (notice.basis.kind, notice.patient_id) == ("consent", "patient-of-R")
    await bring(gate, *intake.unmerges(R, S))
    assert (await told(gate))[3:] == [IS_NOT]
    assert [why for _, why in await gate.waiting()] == ["cancelled"], "the consent that the copy rested on is R's again"
    assert [row.corrected for row in await gate.ledger() if row.episode_id == R] == [None, None, merge.id]


async def test_who_had_nothing_of_the_record_is_told_nothing(gate: Gate, intake: Intake) -> None:
    await bring(gate, *intake.stays(R, IN), *intake.merges(R, S), *intake.unmerges(R, S))
    assert (await told(gate), await told(gate, BOARD)) == ([], [])
    assert [row.fact_type for row in await gate.ledger()] == []


async def test_a_merge_of_one_facility_is_not_told_to_who_knows_another_s_records(gate: Gate, intake: Intake) -> None:
    theirs = left("2026-03-05 10:00", facility=ELSEWHERE, visit="RB-1", labels=("PSY",))
    await bring(gate, *intake.stays(R, theirs))
    assert [name for _, name, _ in await told(gate, BOARD)] == ["discharged"]
    await bring(gate, *intake.merges(R, S)[:1])
    assert [name for _, name, _ in await told(gate, BOARD)] == ["discharged"]


async def test_who_is_told_of_the_record_later_is_told_of_the_merge_too(gate: Gate, intake: Intake) -> None:
    await bring(gate, *intake.stays(R, IN))
    [merge, *copies] = intake.merges(R, S)
    await bring(gate, merge, *copies)
    assert await told(gate) == []
    await bring(gate, *intake.stays(R, consent()))
    assert [one for one in await told(gate) if one[0] == R] == [(R, "admitted", None), IS_MERGED]
    await bring(gate, *intake.stays(R, OUT))
    assert [one for one in await told(gate) if one[0] == R][2:] == [(R, "discharged", None)]


async def test_a_merge_along_a_chain_is_told_in_place_of_the_one_before(gate: Gate, intake: Intake) -> None:
    await bring(gate, *intake.stays(R, consent(), IN))
    [merge, *_] = intake.merges(R, S)
    onward: dict[str, Any] = {"surviving_episode_id": "T", "surviving_patient_id": "patient-of-T"}
    await bring(gate, merge, *intake.says(restated(merge, **onward)))
    assert await told(gate) == [(R, "admitted", None), IS_MERGED, (R, "patients-merged", "replaces")]
    assert (await gate.out())[-1].value.content["surviving_episode_id"] == "T"


async def test_without_a_basis_the_notice_waits_and_is_void_once_the_merge_is_taken_back(
    gate: Gate, intake: Intake
) -> None:
    await bring(gate, *intake.stays(R, consent(), IN, revoked()))
    [merge, *_] = intake.merges(R, S)
    await bring(gate, merge)
    assert await gate.waiting() == [(merge.id, "revoked")]
    await bring(gate, *intake.takes_back(merge))
    assert (await gate.waiting(), len(await gate.out())) == ([], 1)


async def test_merges_in_one_batch_are_told_as_in_many(gate: Gate, intake: Intake) -> None:
    [*own] = intake.stays(R, consent(), IN)
    [merge, *copies] = intake.merges(R, S)
    await gate.bring(*own, merge, *copies, merge)
    assert [one for one in await told(gate) if one[0] == R] == [(R, "admitted", None), IS_MERGED]
