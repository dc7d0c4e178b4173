"""Two patients become one, and two again: searches, offers, seats, stays, bills and lists of both (contract 3.6 rule
11)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.checks import broken
from services.placement.rules import Rules
from services.placement.tables import entries, seats
from tests.builders import admitted, discharged
from tests.placement.desk.conftest import Desk
from tests.placement.merging import Intake

IN, OUT = admitted("2026-05-01 10:00"), discharged("2026-05-04 07:00")
R, S = "R", "S"


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def bring(desk: Desk, *facts: Any) -> None:
    """Each in a batch of its own, as two partitions may bring them."""
    for one in facts:
        await desk.feed.bring(one)


async def whole(desk: Desk, rules: Rules) -> None:
    """Nothing that `verify` checks is broken."""
    found = [one async for one in broken(desk.feed.database, rules)]
    assert [str(one) for one in found if one.subject != "outbox"] == []


async def seats_of(desk: Desk) -> dict[str, list[str]]:
    async with desk.feed.database.read() as connection:
        found: dict[str, list[str]] = {}
        for row in (await connection.execute(sa.select(seats))).all():
            found.setdefault(row.episode_id, []).append(row.program)
    return found


async def lines_of(desk: Desk) -> dict[str, list[tuple[str, str]]]:
    async with desk.feed.database.read() as connection:
        found: dict[str, list[tuple[str, str]]] = {}
        for row in (await connection.execute(sa.select(entries).order_by(entries.c.kind, entries.c.id))).all():
            found.setdefault(row.episode_id, []).append((row.kind, row.state))
    return found


async def test_a_search_its_offers_and_its_seat_go_with_the_patient(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT))
    placement = await desk.places(R)
    before = await lines_of(desk)
    sent = (await desk.said()).count("offer-sent")
    await bring(desk, *intake.merges(R, S))
    assert await seats_of(desk) == {S: ["GH-PHP1"]}
    assert await lines_of(desk) == {S: before[R]}
    [placed] = await desk.listed("placements", episode_id=S)
    assert placed["placement_id"] == placement
    assert (await desk.said()).count("offer-sent") == sent + 1, "the copy alone"
    assert (await desk.feed.row(R)).state == "closed"
    await whole(desk, rules)


async def test_a_merge_that_is_taken_back_gives_all_back(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, admitted("2026-05-02 10:00", visit="V2")))
    await desk.places(R)
    before = (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R), await desk.feed.billed(S))
    await bring(desk, *intake.merges(R, S))
    assert len(await desk.feed.billed(S)) == 2
    assert await desk.feed.billed(R) == []
    await whole(desk, rules)
    await bring(desk, *intake.unmerges(R, S))
    assert (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R), await desk.feed.billed(S)) == before
    await whole(desk, rules)
