"""Merges by what a hospital says: which facts follow, in whatever order messages come, and how they are taken back."""

from __future__ import annotations

import itertools

import pytest

from services.intake.receiving.receive import Intake
from tests.intake.records import Ward


@pytest.fixture
def ward(intake: Intake) -> Ward:
    return Ward(intake)


async def test_a_merge_whose_survivor_has_no_episode_leaves_the_episode_and_gives_it_the_survivor(ward: Ward) -> None:
    admitted = ward.says("A01", "20260302090000", "B", visit="W")
    merge = ward.says("A40", "20260303090000", "A", retired="B", also="B")
    discharged = ward.says("A03", "20260304090000", "A", visit="W")
    assert await ward.hears(admitted, merge, discharged) == ["AA"] * 3
    assert await ward.told("A B") == {
        ("admitted", "03-02", "B", "B"),
        ("discharged", "03-04", "B", "B"),
        ("patients-merged", "03-03", "B", "B"),
    }
    [merged] = [fact.as_json for fact in await ward.standing("A B") if fact.name == "patients-merged"]
    assert merged["surviving_patient_id"] == await ward.patient("A")
    assert merged["retired_patient_id"] == await ward.patient("B")
    assert merged["surviving_episode_id"] == merged["episode_id"]
    assert "retired_episode_id" not in merged
    assert merged["patient"] == {"mrn": ward.mrn("A"), "assigning_authority": "GH"}
    assert merged["by"] == "message"


async def test_of_two_open_episodes_the_one_begun_earlier_stays_and_gets_copies_of_the_other_ones_facts(
    ward: Ward,
) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        ward.says("A40", "20260306090000", "A", retired="B"),
    )
    assert await ward.told("A B") == {
        ("admitted", "03-02", "B", "B"),
        ("patients-merged", "03-06", "B", "B"),
        ("admitted", "03-05", "A", "A"),
        ("patients-merged", "03-06", "A", "A"),
        ("admitted*", "03-05", "A", "B"),
    }
    copies = [fact for fact in await ward.standing("A B") if fact.copy_of]
    originals = {fact.id: fact for fact in await ward.standing("A B")}
    assert [originals[one.copy_of or ""].name for one in copies] == ["admitted"]
    assert copies[0].value.patient_id == await ward.patient("A")


STORY = ("admitted", "second", "merge", "late", "discharge")


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
async def test_in_whatever_order_the_messages_of_a_merge_come_the_same_stands(
    ward: Ward, order: tuple[int, ...]
) -> None:
    story = [
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        ward.says("A40", "20260306090000", "A", retired="B", also="B"),
        ward.says("A02", "20260307090000", "A", visit="W1", unit="PHP1"),
        ward.says("A03", "20260308090000", "B", visit="W2"),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A B") == {
        ("admitted", "03-02", "B", "B"),
        ("transferred", "03-07", "B", "B"),
        ("patients-merged", "03-06", "B", "B"),
        ("admitted", "03-05", "A", "A"),
        ("discharged", "03-08", "A", "A"),
        ("patients-merged", "03-06", "A", "A"),
        ("admitted*", "03-05", "A", "B"),
        ("discharged*", "03-08", "A", "B"),
    }
