"""A seat is one person's while two records become one, and two again: counted once, at every moment (contract 5.5)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from services.placement.programs.census import taken_at
from services.placement.rules import Rules
from services.placement.worklists import views
from tests.builders import at, referred
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.test_merges import IN, OUT, R, S, seats_of, whole
from tests.placement.merging import Intake, by_episode


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def taken(desk: Desk) -> int:
    """How many seats of the program are taken on the first day."""
    async with desk.feed.database.read() as connection:
        places = await views.places(connection, ["GH-PHP1"], desk.clock(), desk.clock())
    return taken_at(places["GH-PHP1"], at(f"{DAY} 12:00"))


async def test_a_seat_is_the_survivor_s_as_soon_as_the_merge_is_known_and_never_two(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await desk.feed.bring(*intake.stays(R, IN, OUT), *intake.stays(S, referred("2026-05-01 09:00")))
    await desk.places(R)
    assert await taken(desk) == 1
    for one in intake.merges(R, S):
        await desk.feed.bring(one)
        assert (await seats_of(desk), await taken(desk)) == ({S: ["GH-PHP1"]}, 1), one.name
    assert Counter(await desk.said())["seat-held"] == 2, "the seat, and its copy"
    await whole(desk, rules)
    apart = by_episode(intake.unmerges(R, S))
    for one in [*apart[R], *apart[S]]:
        await desk.feed.bring(one)
        assert (await seats_of(desk), await taken(desk)) == ({R: ["GH-PHP1"]}, 1)
    await whole(desk, rules)


async def test_who_claims_seats_while_records_are_merged_finds_none_that_is_taken(desk: Desk, intake: Intake) -> None:
    people = [f"R{n:02}" for n in range(20)]
    for person in people:
        await desk.feed.bring(*intake.stays(person, IN, OUT))
        await desk.places(person)
    await desk.leaves_the_ward("late")
    [offer] = await desk.offers("late", "GH-PHP1")

    async def merging() -> None:
        for person in people:
            for one in intake.merges(person, f"S-{person}"):
                await desk.feed.bring(one)

    async def asking() -> set[int]:
        answers = [await desk.post(f"/api/offers/{offer}/accepted", role="program") for _ in range(40)]
        return {one.status_code for one in answers if one.status_code != 503}

    _, answered = await asyncio.gather(merging(), asking())
    assert answered == {409}
    assert await taken(desk) == len(people)
