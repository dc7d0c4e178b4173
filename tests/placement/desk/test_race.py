"""More acceptances at once than seats: exactly 20 patients are placed, and the others are told why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from services.placement.programs.census import census
from services.placement.worklists import views
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


@pytest.mark.parametrize("number", [60, pytest.param(200, marks=pytest.mark.slow)])
async def test_of_many_acceptances_at_once_20_are_placed_and_the_others_told_that_the_program_is_full(
    desk: Desk, number: int
) -> None:
    asking = EPISODES[:number]
    await desk.leaves_the_ward(*asking)
    body = {"program": "GH-PHP1", "start_date": DAY}
    sent = await asyncio.gather(*(answered(desk, "/api/offers", body | {"episode_id": each}) for each in asking))
    offers = [answer.json()["offers"][0]["id"] for answer in sent]
    answers = await asyncio.gather(*(answered(desk, f"/api/offers/{offer}/accepted", {}) for offer in offers))
    assert Counter(one.status_code for one in answers) == {200: SEATS, 409: number - SEATS}
    refused = [one.json() for one in answers if one.status_code == 409]
    assert {(one["type"], one["state"]) for one in refused} == {("urn:stepdown:problem:program-full", "sent")}
    said = Counter(await desk.said())
    assert (said["placed"], said["seat-held"], said["offer-accepted"], said["search-closed"]) == (SEATS,) * 4
    assert len(await desk.listed("placements", limit="200")) == SEATS
    assert await there(desk) == SEATS
    assert Counter(code for *_, code in await desk.feed.refusals()) == {"program-full": number - SEATS}


async def there(desk: Desk) -> int:
    """Persons with a seat on the first day or later, at the fullest moment."""
    async with desk.feed.database.read() as connection:
        places = await views.places(connection, ["GH-PHP1"], desk.clock(), desk.clock())
    return census(places["GH-PHP1"], at("2026-05-01"))


@pytest.mark.slow
async def test_beside_admissions_by_adt_no_seat_is_promised_that_an_admitted_patient_has(desk: Desk) -> None:
    """Hospitals ask nobody: what they fill is counted at every claim, and what is too much is shown as over."""
    asking, coming = EPISODES[:100], [f"A{n:02}" for n in range(30)]
    await desk.leaves_the_ward(*asking)
    body = {"program": "GH-PHP1", "start_date": DAY}
    sent = await asyncio.gather(*(answered(desk, "/api/offers", body | {"episode_id": each}) for each in asking))
    offers = [answer.json()["offers"][0]["id"] for answer in sent]

    async def admit(episodes: list[str]) -> None:
        for each in episodes:
            await desk.is_admitted(each)

    admitting = [asyncio.create_task(admit(coming[n::3])) for n in range(3)]
    answers = await asyncio.gather(*(answered(desk, f"/api/offers/{offer}/accepted", {}) for offer in offers))
    await asyncio.gather(*admitting)
    placed = sum(one.status_code == 200 for one in answers)
    assert {one.status_code for one in answers} <= {200, 409}
    held = [one.value for one in await desk.feed.sent("care.events") if one.fact.name == "seat-held"]
    assert len(held) == placed <= SEATS
    assert all((one["census"] < one["capacity"], one["capacity"]) == (True, SEATS) for one in held)
    assert await there(desk) == placed + len(coming)
    shown = (await desk.get("/api/programs/GH-PHP1")).json()
    assert (shown["taken"], shown["there"], shown["free"]) == (len(coming), len(coming), 0), "first days are to come"
    assert (shown["over"], shown["warnings"]) == (len(coming) - SEATS, ["over-capacity"])
    assert (await answered(desk, f"/api/offers/{offers[0]}/accepted", {})).status_code == 409
