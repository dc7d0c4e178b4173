"""However the records of merged patients come, and however often, all ends alike; a merge that is taken back leaves
what was (contract 3.6 rules 8 and 11)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from services.placement.checks import broken
from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests.builders import admitted, covered, discharged, restated
from tests.databases import empty
from tests.placement.conftest import TABLES
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_merges import IN, OUT, lines_of, seats_of
from tests.placement.merging import Intake, by_episode

EPISODES = ("A", "B", "C")
MINE = (admitted("2026-03-01 10:00", visit="V-B"), discharged("2026-03-05 10:00", visit="V-B"))
LAST = admitted("2026-05-10 10:00", visit="V-C")
OVER = ("closed", "withdrawn")
"""States of what is of the past: whether a search was opened for a moment depends on what came first."""
PAID = covered("2026-05-01 11:00", payer="ACME", effective="2026-05-01")


async def outcome(desk: Desk) -> dict[str, Any]:
    """What stands of each episode, without ids and numbers."""
    found: dict[str, Any] = {"seats": await seats_of(desk), "lines": {}}
    lines = await lines_of(desk)
    for episode in EPISODES:
        told = [one.value for one in await desk.feed.sent("care.episodes") if one.key == episode]
        now = told[-1] if told else {}
        stays = [(one["id"], one.get("level"), one["from"], one.get("to")) for one in now.get("stays", ())]
        into = [one["episode_id"] for one in now.get("merged_into", ())]
        found[episode] = (now.get("state"), now.get("level"), stays, now.get("search"), into, now.get("conflicts"))
        found["lines"][episode] = sorted(one for one in lines.get(episode, ()) if one[1] not in OVER)
        found["bills of " + episode] = [
            (one["stay"]["id"], one["start_date"], one.get("end_date"), one["payer"], one["patient_status"])
            for one in await desk.feed.billed(episode)
        ]
    return found


async def comes(desk: Desk, told: list[Fact], chance: Random) -> None:
    """The facts come, each episode's in order, the episodes in any; some come twice, some in one batch."""
    left = [list(reversed(each)) for each in by_episode(told).values()]
    while left := [each for each in left if each]:
        batch = [chance.choice(left).pop()]
        if chance.random() < 0.3:
            batch.append(batch[0])
        await desk.feed.bring(*batch)


def chain() -> list[Fact]:
    """A was merged into B, and B into C; then A's merge names C. A's payer comes late."""
    intake = Intake()
    told = [*intake.stays("A", IN, OUT), *intake.stays("B", *MINE), *intake.stays("C", LAST)]
    told += intake.merges("A", "B")
    told += intake.merges("B", "C")
    merge = next(one for one in intake.standing("A") if one.name == "patients-merged")
    onward = {"surviving_episode_id": "C", "surviving_patient_id": "patient-of-C"}
    told += intake.says(restated(merge, **onward))
    copies = {one.id for one in intake.said["A"]}
    told += intake.takes_back(*(one for one in intake.standing("B") if one.copy_of in copies))
    told += intake.copies("A", "C")
    told += intake.stays("A", PAID)
    told += intake.copies("A", "C")
    return told


def swapped() -> list[Fact]:
    """A into B, and, said later, B into A."""
    intake = Intake()
    told = [*intake.stays("A", IN, OUT), *intake.stays("B", *MINE)]
    return [*told, *intake.merges("A", "B"), *intake.unmerges("A", "B"), *intake.merges("B", "A")]


def repeated() -> list[Fact]:
    """A into B, taken back, and said again."""
    intake = Intake()
    told = [*intake.stays("A", IN, OUT, PAID), *intake.stays("B", *MINE)]
    return [*told, *intake.merges("A", "B"), *intake.unmerges("A", "B"), *intake.merges("A", "B")]


ENDS = {
    chain: {"A": ("closed", ["C"]), "B": ("closed", ["C"]), "C": ("active", [])},
    swapped: {"A": ("between", []), "B": ("closed", ["A"]), "C": (None, [])},
    repeated: {"A": ("closed", ["B"]), "B": ("between", []), "C": (None, [])},
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("story", ENDS)
async def test_merges_end_alike_in_every_order(
    desk: Desk, rules: Rules, story: Callable[[], list[Fact]], seed: int
) -> None:
    told = story()
    await desk.feed.bring(*told)
    expected = await outcome(desk)
    assert {episode: expected[episode][::4] for episode in EPISODES} == ENDS[story]
    await empty(desk.feed.database, TABLES.split(", "))
    await comes(desk, told, Random(seed))
    assert [str(one) async for one in broken(desk.feed.database, rules) if one.subject != "outbox"] == []
    assert await outcome(desk) == expected


async def test_a_merge_taken_back_leaves_every_record_as_it_was_but_for_its_numbers(desk: Desk) -> None:
    intake = Intake()
    await desk.feed.bring(*intake.stays("A", IN, OUT, PAID), *intake.stays("B", *MINE))
    await desk.places("A")
    before = await outcome(desk)
    for _ in range(2):
        await desk.feed.bring(*intake.merges("A", "B"))
        assert await outcome(desk) != before
        await desk.feed.bring(*intake.unmerges("A", "B"))
        assert await outcome(desk) == before
