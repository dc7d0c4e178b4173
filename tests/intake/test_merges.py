"""Merges by what a hospital says: which facts follow, in whatever order messages come, and how they are taken back."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from services.intake.receiving.receive import Intake
from tests.intake.records import Ward, broken_of


@pytest.fixture
async def ward(own_intake: Intake) -> AsyncIterator[Ward]:
    """A ward in an empty database; after each test, what stands is what was said."""
    found = Ward(own_intake)
    yield found
    assert await broken_of(own_intake) == []


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


@pytest.mark.parametrize("trigger", ["A18", "A30", "A34", "A36", "A39", "A40", "A47"])
async def test_every_merge_and_change_of_a_patients_number_retires_the_one_that_mrg_names(
    ward: Ward, trigger: str
) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W"), ward.says(trigger, "20260303090000", "A", retired="B")
    )
    assert ("patients-merged", "03-03", "B", "B") in await ward.told("A B")
    assert await ward.notes(trigger) == [("applied", None)]


async def test_a_merge_that_was_said_before_anybody_was_admitted_holds_for_later_stays(ward: Ward) -> None:
    await ward.hears(
        ward.says("A40", "20260301090000", "A", retired="B"), ward.says("A01", "20260302090000", "B", visit="W")
    )
    assert await ward.told("A B") == {("admitted", "03-02", "B", "B"), ("patients-merged", "03-01", "B", "B")}


async def test_a_chain_of_merges_names_the_last_patient(ward: Ward) -> None:
    story = [
        ward.says("A01", "20260302090000", "A", visit="W"),
        ward.says("A40", "20260303090000", "B", retired="A"),
        ward.says("A40", "20260304090000", "C", retired="B"),
    ]
    await ward.hears(story[0], story[2], story[1])
    [merged] = [one.as_json for one in await ward.standing("A B C") if one.name == "patients-merged"]
    assert merged["surviving_patient_id"] == await ward.patient("C")
    assert merged["patient"]["mrn"] == ward.mrn("C")


async def test_two_patients_in_one_mrg_are_both_merged(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260303090000", "C", visit="W2"),
        ward.says("A40", "20260304090000", "A", retired="B C"),
    )
    told = await ward.told("A B C")
    assert {("patients-merged", "03-04", "B", "B"), ("admitted*", "03-03", "A", "B")} <= told
    assert ("patients-merged", "03-04", "C", "C") in told


@pytest.mark.parametrize("merged_first", [True, False])
async def test_a37_takes_a_merge_back_and_every_record_is_as_it_was(ward: Ward, merged_first: bool) -> None:
    before = [
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
    ]
    merge = ward.says("A40", "20260306090000", "A", retired="B")
    parted = ward.says("A37", "20260307090000", "A", other="B")
    await ward.hears(*before, *((merge, parted) if merged_first else (parted, merge)))
    assert await ward.told("A B") == {
        ("admitted", "03-02", "B", "B"),
        ("admitted", "03-05", "A", "A"),
        ("patients-unmerged", "03-06", "B", "B"),
        ("patients-unmerged", "03-06", "A", "A"),
    }
    assert await ward.notes("A40") == [("taken-back", None)]
    later = ward.says("A03", "20260308090000", "B", visit="W1")
    await ward.hears(later)
    assert ("discharged", "03-08", "B", "B") in await ward.told("A B")


async def test_a_visit_number_told_under_the_survivor_goes_back_with_an_unmerge(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W"),
        ward.says("A40", "20260303090000", "A", retired="B"),
        ward.says("A03", "20260304090000", "A", visit="W"),
    )
    assert ("discharged", "03-04", "B", "B") in await ward.told("A B")
    await ward.hears(ward.says("A37", "20260305090000", "A", other="B"))
    assert await ward.told("A B") == {("admitted", "03-02", "B", "B"), ("patients-unmerged", "03-03", "B", "B")}
    assert await ward.notes("A03") == [("waiting", "waiting")]


async def test_a_fact_that_is_taken_back_takes_its_copy_with_it(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        ward.says("A40", "20260306090000", "A", retired="B"),
        ward.says("A03", "20260307090000", "A", visit="W2"),
        ward.says("A13", "20260307100000", "A", visit="W2", unit="RES"),
    )
    told = await ward.told("A B")
    assert not [one for one in told if one[0].startswith("discharged")]
    assert ("admitted*", "03-05", "A", "B") in told


async def test_a_link_moves_nothing_and_is_undone(ward: Ward) -> None:
    story = [
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        ward.says("A24", "20260306090000", "A", other="B"),
    ]
    await ward.hears(*story)
    admitted = {("admitted", "03-02", "B", "B"), ("admitted", "03-05", "A", "A")}
    linked = {("patients-linked", "03-06", "B", "B"), ("patients-linked", "03-06", "A", "A")}
    assert await ward.told("A B") == admitted | linked
    await ward.hears(ward.says("A37", "20260307090000", "B", other="A"))
    assert await ward.told("A B") == admitted | {("patients-unlinked", day, one, two) for _, day, one, two in linked}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_visit_is_moved_to_the_patient_whose_it_is(ward: Ward, order: tuple[int, ...]) -> None:
    story = [
        ward.says("A01", "20260302090000", "X", visit="W"),
        ward.says("A45", "20260303090000", "A", retired="X", visit="W", account="F", mrg={3: "F", 5: "W"}),
        ward.says("A03", "20260304090000", "A", visit="W"),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A X") == {("admitted", "03-02", "A", "A"), ("discharged", "03-04", "A", "A")}
    [admitted] = [fact.as_json for fact in await ward.standing("A X") if fact.name == "admitted"]
    assert admitted["patient"] == {"mrn": ward.mrn("A"), "assigning_authority": "GH"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
async def test_an_account_is_moved_with_its_visits_and_with_no_other(ward: Ward, order: tuple[int, ...]) -> None:
    story = [
        ward.says("A01", "20260302090000", "X", visit="W1", account="F"),
        ward.says("A04", "20260303090000", "X", visit="W2", unit="ED", account="F"),
        ward.says("A01", "20260304090000", "X", visit="W3", unit="RES", account="G"),
        ward.says("A44", "20260305090000", "A", retired="X", account="F", mrg={3: "F"}),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A X") == {
        ("admitted", "03-02", "A", "A"),
        ("visit-started", "03-03", "A", "A"),
        ("admitted", "03-04", "X", "X"),
    }


async def test_a_moved_visit_is_moved_back(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "X", visit="W"),
        ward.says("A45", "20260303090000", "A", retired="X", visit="W", mrg={5: "W"}),
        ward.says("A45", "20260304090000", "X", retired="A", visit="W", mrg={5: "W"}),
    )
    assert await ward.told("A X") == {("admitted", "03-02", "X", "X")}


async def visit_numbers(ward: Ward, names: str) -> dict[str, str]:
    """Name of a fact that stands → the end of its visit number, of those that have one."""
    facts = [fact for fact in await ward.standing(names) if fact.as_json.get("visit_number")]
    return {fact.name: str(fact.as_json["visit_number"]).removesuffix(ward.own) for fact in facts}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a50_changes_the_number_of_a_visit_that_goes_on(ward: Ward, order: tuple[int, ...]) -> None:
    story = [
        ward.says("A01", "20260302090000", "A", visit="W1"),
        ward.says("A50", "20260303090000", "A", retired="A", visit="W2", mrg={5: "W1"}),
        ward.says("A03", "20260304090000", "A", visit="W2"),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A") == {("admitted", "03-02", "A", "A"), ("discharged", "03-04", "A", "A")}
    assert (await visit_numbers(ward, "A"))["admitted"] == "W2"
    assert await ward.notes("A50") == [("applied", None)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
async def test_a42_makes_two_visits_one_and_what_has_no_legal_move_is_listed(
    ward: Ward, order: tuple[int, ...]
) -> None:
    story = [
        ward.says("A01", "20260302090000", "A", visit="W1"),
        ward.says("A01", "20260303090000", "A", visit="W2", unit="RES"),
        ward.says("A02", "20260305090000", "A", visit="W1", unit="PHP1"),
        ward.says("A42", "20260306090000", "A", retired="A", visit="W2", mrg={5: "W1"}),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A") == {("admitted", "03-02", "A", "A"), ("transferred", "03-05", "A", "A")}
    assert sorted(await ward.notes("A01"), key=str) == [("applied", None), ("place-differs", None)]


@pytest.mark.parametrize("trigger", ["A35", "A41", "A49"])
async def test_an_account_with_three_visits_stays_three_when_its_number_changes(ward: Ward, trigger: str) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "A", visit="W1", account="F"),
        ward.says("A04", "20260303090000", "A", visit="W2", unit="ED", account="F"),
        ward.says("A04", "20260304090000", "A", visit="W3", unit="ED", account="F"),
        ward.says(trigger, "20260305090000", "A", retired="A", account="G", mrg={3: "F"}),
        ward.says("A03", "20260306090000", "A", visit="W1", account="G"),
    )
    assert await ward.told("A") == {
        ("admitted", "03-02", "A", "A"),
        ("visit-started", "03-03", "A", "A"),
        ("visit-started", "03-04", "A", "A"),
        ("discharged", "03-06", "A", "A"),
    }


@pytest.mark.parametrize("trigger", ["A35", "A41", "A49"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_visit_known_by_its_account_goes_on_under_the_accounts_new_number(
    ward: Ward, trigger: str, order: tuple[int, ...]
) -> None:
    story = [
        ward.says("A01", "20260302090000", "A", account="F"),
        ward.says(trigger, "20260305090000", "A", retired="A", account="G", mrg={3: "F"}),
        ward.says("A03", "20260306090000", "A", account="G"),
    ]
    await ward.hears(*(story[place] for place in order))
    assert await ward.told("A") == {("admitted", "03-02", "A", "A"), ("discharged", "03-06", "A", "A")}
