"""The desk on the real database: facts come, people decide, and what follows is stated, seated, listed and sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.engine import act
from services.placement.engine.act import Claiming, Decided, Decision, Situation
from services.placement.programs import attendance
from services.placement.programs.seats import claims
from services.placement.search import offers
from services.placement.tables import entries, seats
from services.placement.timers import expire_offers
from shared.clock import SetClock
from shared.errors import Rejected, Stale
from shared.events.placing import SeatHeld
from shared.facts.envelope import Fact
from shared.storage.database import Database
from shared.web.acts import Acted, ActRequest
from tests.builders import a_story, admitted, cancelled, discharged
from tests.placement.feeding import Feed

EPISODE = "episode-1"
DAY = date(2026, 3, 10)


STORY = a_story(admitted("2026-03-02 10:00"), discharged("2026-03-09 14:00"))
"""A01 on 2 March, A03 on 9 March."""


def taken_back() -> Fact:
    """A13."""
    return replace(cancelled(STORY[1]), sequence=3)


class Desk:
    """One episode at the desk; `feed` brings what others say."""

    def __init__(self, feed: Feed, episode: str = EPISODE) -> None:
        self.feed, self.episode = feed, episode

    async def does(self, decision: Decision, programs: tuple[str, ...] = ()) -> Acted:
        asked = ActRequest("coordinator-1", "tested", self.episode)
        async with self.feed.database.begin() as connection:
            acted = await act.act(
                connection,
                asked,
                decision,
                Claiming(programs),
                rules=self.feed.rules,
                clock=self.feed.clock,
                ids=self.feed.ids,
            )
        assert acted is not None
        return acted

    async def offers(self, program: str = "GH-PHP1", **more: Any) -> str:
        expires = more.pop("expires_at", None)

        def decide(now: Situation) -> Decided:
            found = now.rules.site.program(program)
            assert found is not None
            sent = offers.send(now.desk(), [offers.OfferRequest(found, DAY, **more)], expires)
            return Decided(sent, (sent[0].offer_id,))

        return (await self.does(decide)).subjects[0]

    async def accepts(self, offer: str, program: str = "GH-PHP1") -> Acted:
        def decide(now: Situation) -> Decided:
            said = offers.accept(now.desk(), offer, now.zone("GOODHEALTH"))
            held = [one for one in said if isinstance(one, SeatHeld)]
            now.count(claims(held)[0])
            return Decided(said, (str(held[0].placement_id),))

        return await self.does(decide, (program,))

    async def starts(self, placement: str) -> Acted:
        return await self.does(
            lambda now: Decided((attendance.start(now.saying("GOODHEALTH"), placement, DAY),), (placement,))
        )

    async def listed(self) -> dict[str, str]:
        """Kind and program (or id) → state."""
        async with self.feed.database.read() as connection:
            rows = (await connection.execute(sa.select(entries).where(entries.c.episode_id == self.episode))).all()
        return {f"{row.kind} {row.program or ''}".strip(): row.state for row in rows}

    async def seats(self) -> list[tuple[str, bool]]:
        """Program, and whether the claim goes on."""
        async with self.feed.database.read() as connection:
            rows = (await connection.execute(sa.select(seats).where(seats.c.episode_id == self.episode))).all()
        return [(row.program, row.during.upper is None) for row in rows]

    async def said(self) -> list[str]:
        return [one.fact.name for one in await self.feed.sent("care.events") if one.key == self.episode]


@pytest.fixture
async def desk(feed: Feed) -> Desk:
    """An inpatient was discharged; a search is open."""
    for one in STORY:
        await feed.bring(one)
    return Desk(feed)


async def test_a_discharge_opens_a_search_and_its_cancellation_closes_it(desk: Desk) -> None:
    assert await desk.listed() == {"search": "open"}
    await desk.feed.bring(taken_back())
    assert await desk.listed() == {"search": "closed"}
    assert await desk.said() == ["search-opened", "search-closed"]


async def test_the_first_acceptance_wins_takes_the_seat_and_withdraws_the_rest(desk: Desk) -> None:
    first, other = await desk.offers(), await desk.offers("RB-PHP")
    placed = (await desk.accepts(first)).subjects[0]
    assert await desk.listed() == {
        "search": "closed", "offer GH-PHP1": "accepted", "offer RB-PHP": "withdrawn", "placement GH-PHP1": "placed",
    }  # fmt: skip
    assert await desk.seats() == [("GH-PHP1", True)]
    with pytest.raises(Rejected) as no:
        await desk.accepts(other)
    assert no.value.code == "withdrawn"
    document = (await desk.feed.sent("care.episodes"))[-1].value
    assert (document["state"], document["next_start"], document.get("search")) == ("between", "2026-03-10", None)
    await desk.starts(placed)
    assert (await desk.listed())["placement GH-PHP1"] == "started"
    assert (await desk.said())[-2:] == ["started", "stepped-down"]
    row = await desk.feed.row(EPISODE)
    assert (row.state, row.level) == ("active", "php")


async def test_a_cancelled_discharge_takes_the_placement_and_gives_its_seat_back(desk: Desk) -> None:
    await desk.accepts(await desk.offers())
    await desk.feed.bring(taken_back())
    assert (await desk.listed())["placement GH-PHP1"] == "cancelled"
    assert await desk.seats() == [("GH-PHP1", False)]  # held from its first day until the cancel came
    assert (await desk.said())[-2:] == ["placement-cancelled", "seat-released"]


async def test_an_unattended_start_goes_with_its_discharge_and_returns_with_it_and_its_seat(desk: Desk) -> None:
    placed = (await desk.accepts(await desk.offers())).subjects[0]
    await desk.starts(placed)
    await desk.feed.bring(taken_back())
    row = await desk.feed.row(EPISODE)
    assert (row.state, row.level, row.ineffective) == ("active", "inpatient", 1)
    assert [goes_on for _, goes_on in await desk.seats()] == [False]
    again = discharged("2026-03-09 14:00")
    await desk.feed.bring(replace(again, id="again", sequence=4))
    row = await desk.feed.row(EPISODE)
    assert (row.state, row.level, row.ineffective) == ("active", "php", 0)
    assert sorted(goes_on for _, goes_on in await desk.seats()) == [False, True]


async def test_offers_that_nobody_answered_expire_by_a_timer_and_once(
    desk: Desk, database: Database, clock: SetClock
) -> None:
    feed = desk.feed
    await desk.offers(expires_at=feed.clock() + timedelta(hours=1))
    assert await expire_offers(database, feed.rules, clock=feed.clock, ids=feed.ids) == 0
    clock.forward(timedelta(hours=2))
    assert await expire_offers(database, feed.rules, clock=feed.clock, ids=feed.ids) == 1
    assert await expire_offers(database, feed.rules, clock=feed.clock, ids=feed.ids) == 0
    assert (await desk.listed())["offer GH-PHP1"] == "expired"
    assert (await desk.said())[-1] == "offer-expired"


async def test_whoever_saw_an_older_state_is_told_and_nothing_changes(desk: Desk) -> None:
    async with desk.feed.database.begin() as connection:
        with pytest.raises(Stale):
            await act.act(
                connection, ActRequest("coordinator-1", "tested", EPISODE, version=1), lambda _: Decided(()),
                rules=desk.feed.rules, clock=desk.feed.clock, ids=desk.feed.ids,
            )  # fmt: skip


async def test_nobody_acts_on_an_episode_that_is_not_there(feed: Feed) -> None:
    async with feed.database.begin() as connection:
        asked = ActRequest("coordinator-1", "tested", "nobody")
        assert await act.act(
            connection, asked, lambda _: Decided(()), rules=feed.rules, clock=feed.clock, ids=feed.ids
        ) is None  # fmt: skip
