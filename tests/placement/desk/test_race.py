"""200 programs' answers at once for 20 seats: exactly 20 patients are placed, and the others are told why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from services.placement import desk_views
from services.placement.programs.seats import taken
from tests.builders import at
from tests.placement.desk.conftest import DAY, Desk

EPISODES = [f"E{n:03}" for n in range(200)]
SEATS = 20


async def answered(desk: Desk, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer, asked again as a client does where the service says to try again."""
    for _ in range(5):
        answer = await desk.post(path, body)
        if answer.status_code != 503:
            break
    return answer


async def test_of_200_acceptances_at_once_20_are_placed_and_180_told_that_the_program_is_full(desk: Desk) -> None:
    await desk.leaves_the_ward(*EPISODES)
    body = {"program": "GH-PHP1", "start_date": DAY}
    sent = await asyncio.gather(*(answered(desk, "/api/offers", body | {"episode_id": each}) for each in EPISODES))
    offers = [answer.json()["offers"][0]["id"] for answer in sent]
    answers = await asyncio.gather(*(answered(desk, f"/api/offers/{offer}/accepted", {}) for offer in offers))
    assert Counter(one.status_code for one in answers) == {200: SEATS, 409: len(EPISODES) - SEATS}
    refused = [one.json() for one in answers if one.status_code == 409]
    assert {(one["type"], one["state"]) for one in refused} == {("urn:stepdown:problem:program-full", "sent")}
    said = Counter(await desk.said())
    assert (said["placed"], said["seat-held"], said["offer-accepted"], said["search-closed"]) == (SEATS,) * 4
    assert len(await desk.listed("placements", limit="200")) == SEATS
    async with desk.feed.database.read() as connection:
        claims = (await desk_views.claims(connection, desk.clock()))["GH-PHP1"]
    assert taken(claims, at("2026-05-01")) == SEATS
    assert Counter(code for *_, code in await desk.feed.refusals()) == {"program-full": len(EPISODES) - SEATS}
