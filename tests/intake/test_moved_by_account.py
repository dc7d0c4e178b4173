"""A visit is moved to another patient (A45) by a message that says from which account, and not from whom."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from services.intake.console.kept_records import settle_moves
from services.intake.receiving.receive import Intake
from tests.intake.records import Ward, broken_of

SETTLED = {("admitted", "03-02", "A", "A"), ("discharged", "03-04", "A", "A")}


@pytest.fixture
async def ward(own_intake: Intake) -> AsyncIterator[Ward]:
    """A ward in an empty database; after each test, what stands is what was said."""
    found = Ward(own_intake)
    yield found
    assert await broken_of(own_intake) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_visit_goes_to_another_patient_where_only_its_account_says_whose_it_was(
    ward: Ward, order: tuple[int, ...]
) -> None:
    story = [
        ward.says("A01", "20260302090000", "X", visit="W", account="F"),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "F", 5: "W"}),
        ward.says("A03", "20260304090000", "A", visit="W", account="G"),
    ]
    assert await ward.hears(*(story[place] for place in order)) == ["AA"] * 3
    await settle_moves(ward.intake)
    assert await ward.told("A X") == SETTLED
    assert await ward.notes("A45") == [("applied", None)]
    [admitted] = [fact.as_json for fact in await ward.standing("A X") if fact.name == "admitted"]
    assert admitted["patient"] == {"mrn": ward.mrn("A"), "assigning_authority": "GH"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
async def test_it_is_moved_back_the_same_way_in_any_order(ward: Ward, order: tuple[int, ...]) -> None:
    story = [
        ward.says("A01", "20260302090000", "X", visit="W", account="F"),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "F", 5: "W"}),
        ward.says("A45", "20260304090000", "X", visit="W", account="F", mrg={3: "G", 5: "W"}),
        ward.says("A03", "20260305090000", "X", visit="W", account="F"),
    ]
    await ward.hears(*(story[place] for place in order))
    await settle_moves(ward.intake)
    assert await ward.told("A X") == {("admitted", "03-02", "X", "X"), ("discharged", "03-05", "X", "X")}


async def test_told_twice_it_is_moved_once(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "X", visit="W", account="F"),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "F", 5: "W"}),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "F", 5: "W"}),
    )
    assert await ward.told("A X") == {("admitted", "03-02", "A", "A")}


async def test_a_visit_that_is_known_by_its_account_alone_is_moved(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "X", account="F"),
        ward.says("A45", "20260303090000", "A", account="G", mrg={3: "F"}),
    )
    assert await ward.told("A X") == {("admitted", "03-02", "A", "A")}


async def test_a_visit_of_another_account_stays_whose_it_was(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "X", visit="W", account="F"),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "H", 5: "W"}),
    )
    await settle_moves(ward.intake)
    assert await ward.told("A X") == {("admitted", "03-02", "X", "X")}
    assert await ward.notes("A45") == [("waiting", "no-other-record")]


async def test_a_visit_of_the_patient_whom_it_names_is_no_other_ones(ward: Ward) -> None:
    await ward.hears(
        ward.says("A01", "20260302090000", "A", visit="W", account="F"),
        ward.says("A45", "20260303090000", "A", visit="W", account="G", mrg={3: "F", 5: "W"}),
        ward.says("A03", "20260304090000", "A", visit="W", account="G"),
    )
    assert await ward.told("A") == SETTLED
    assert await ward.notes("A45") == [("no-effect", "one-patient-already")]
