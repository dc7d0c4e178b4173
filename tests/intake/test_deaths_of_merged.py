"""A death that was told of one record of a merged patient is told of the other record's episodes, too (contract 3.6
rule 13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import permutations

import pytest

from services.intake.receiving.receive import Intake
from tests.intake.records import Ward, broken_of


@pytest.fixture
async def ward(own_intake: Intake) -> AsyncIterator[Ward]:
    """A ward in an empty database; after each test, what stands is what was said."""
    found = Ward(own_intake)
    yield found
    assert await broken_of(own_intake) == []


def dead(raw: bytes, told: bytes) -> bytes:
    """The message with PID-30."""
    lines = raw.split(b"\r")
    place = next(n for n, line in enumerate(lines) if line.startswith(b"PID|"))
    fields = lines[place].split(b"|")
    lines[place] = b"|".join([*(fields + [b""] * 30)[:30], told])
    return b"\r".join(lines)


def story(ward: Ward) -> list[bytes]:
    """A was here long ago; B died; they are one."""
    return [
        ward.says("A01", "20250302090000", "A", visit="W1"),
        ward.says("A03", "20250305090000", "A", visit="W1"),
        ward.says("A01", "20260302090000", "B", visit="W2"),
        dead(ward.says("A08", "20260304090000", "B", visit="W2"), b"Y"),
        ward.says("A40", "20260306090000", "A", retired="B"),
    ]


async def deaths(ward: Ward) -> list[tuple[str, str]]:
    """(fact, whose episode) of each death that stands."""
    return sorted((name, owner) for name, _, _, owner in await ward.told("A B") if name.startswith("patient-died"))


@pytest.mark.parametrize("order", list(permutations(range(5)))[::17])
async def test_a_death_of_the_retired_record_is_told_of_the_survivor_s_older_episode(
    ward: Ward, order: tuple[int, ...]
) -> None:
    told = story(ward)
    await ward.hears(*(told[place] for place in order))
    assert await deaths(ward) == [("patient-died", "B"), ("patient-died*", "A")]


async def test_it_goes_back_with_the_merge_and_with_what_the_facility_takes_back(ward: Ward) -> None:
    await ward.hears(*story(ward), ward.says("A37", "20260307090000", "A", other="B"))
    assert await deaths(ward) == [("patient-died", "B")]
    await ward.hears(ward.says("A40", "20260308090000", "A", retired="B"))
    assert await deaths(ward) == [("patient-died", "B"), ("patient-died*", "A")]
    await ward.hears(dead(ward.says("A08", "20260309090000", "B", visit="W2"), b"N"))
    assert await deaths(ward) == []


async def test_a_record_that_says_itself_that_the_patient_lives_is_read_beside_the_copy(ward: Ward) -> None:
    await ward.hears(
        *story(ward), dead(ward.says("A31", "20260309090000", "A"), b"N"), ward.says("A31", "20260310090000", "A")
    )
    assert await deaths(ward) == [("patient-died", "B"), ("patient-died*", "A")]
