"""A program tells of its seats: what is out of use is given to nobody, and everybody sees how fresh it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.placement.checks import broken
from services.placement.rules import rules_of
from shared.site.config import SAMPLE, load
from tests.browsing import Browser
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.stories import at_the_program
from tests.placement.desk.test_race import answered

PATH = "/api/programs/GH-PHP1/capacity"


async def told(desk: Desk, *out: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the program tells, and what the answer shows of it."""
    answer = await desk.put(PATH, {"out_of_use": list(out), **more}, role="program")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def seats(desk: Desk) -> dict[str, Any]:
    """The program as the API shows it."""
    found: dict[str, Any] = (await desk.get("/api/programs/GH-PHP1")).json()
    return found


async def test_seats_out_of_use_are_not_free_and_say_why_and_until_when(desk: Desk) -> None:
    first = await seats(desk)
    assert first["told"] == {"told_at": None, "fresh": False, "out_of_use": [], "expected_free": []}
    today = str(desk.clock().date())
    shown = await told(
        desk, {"seats": 18, "from": today, "to": today, "reason": "staff"}, expected_free=[{"on": DAY, "seats": 2}]
    )
    assert shown["out_of_use"] == [{"from": today, "to": today, "seats": 18, "reason": "staff"}]
    assert (shown["fresh"], shown["expected_free"]) == (True, [{"on": DAY, "seats": 2}])
    after = await seats(desk)
    assert (after["capacity"], after["out_of_use"], after["free"], after["taken"], after["over"]) == (20, 18, 2, 0, 0)
    desk.clock.at += timedelta(days=8)
    later = await seats(desk)
    assert (later["out_of_use"], later["free"], later["told"]["fresh"]) == (0, 20, False)
    assert later["told"]["out_of_use"] == []


async def test_a_closed_program_is_given_to_nobody_until_it_opens_again(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    await told(desk, {"from": DAY, "reason": "holiday"})
    refused = await desk.post(f"/api/offers/{offer}/accepted", role="program")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stepdown:problem:program-full")
    assert (await seats(desk))["first_free"] is None
    await told(desk)
    assert (await desk.post(f"/api/offers/{offer}/accepted", role="program")).status_code == 200


async def test_who_is_there_stays_when_a_seat_goes_out_of_use_and_the_program_is_over(desk: Desk) -> None:
    await at_the_program(desk)
    await told(desk, {"seats": 20, "from": str(desk.clock().date())})
    after = await seats(desk)
    assert (after["taken"], after["free"], after["over"], after["warnings"]) == (1, 0, 1, ["over-capacity"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"out_of_use": [{"seats": 0, "from": DAY}]}, "out_of_use.0.seats"),
        ({"out_of_use": [{"from": "2026-05-09", "to": "2026-05-08"}]}, "out_of_use.0"),
        ({"out_of_use": [{"from": DAY, "reason": "SECRET"}]}, "out_of_use.0.reason"),
        ({"expected_free": [{"on": DAY}]}, "expected_free.0.seats"),
        ({"out_of_use": [{"seats": 3}]}, "out_of_use.0.from"),
        ({"SECRET": 1}, "?"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    answer = await desk.put(PATH, body, role="program")
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "SECRET" not in answer.text


async def test_a_program_tells_of_its_own_facility_s_seats_alone(desk: Desk) -> None:
    assert (await desk.put(PATH, {}, role="program", facilities=("RIVERBEND",))).status_code == 404
    assert (await desk.put("/api/programs/NONE/capacity", {}, role="program")).status_code == 404
    assert (await desk.put(PATH, {}, role="billing")).status_code == 403


@pytest.mark.parametrize("number", [16, pytest.param(200, marks=pytest.mark.slow)])
async def test_no_seat_is_given_that_is_out_of_use_while_capacity_is_lowered_and_hospitals_admit(
    desk: Desk, number: int
) -> None:
    """Acceptances at once; meanwhile the program tells that 14 of its 20 seats are out of use, and three patients come
    by ADT, which asks nobody."""
    people = [f"E{n:03}" for n in range(number)]
    await desk.leaves_the_ward(*people)
    asked = {"program": "GH-PHP1", "start_date": DAY}
    sent = await asyncio.gather(*(answered(desk, "/api/offers", asked | {"episode_id": each}) for each in people))
    offers = [one.json()["offers"][0]["id"] for one in sent]
    lowered = {"out_of_use": [{"seats": 14, "from": str(desk.clock().date())}]}

    async def admit() -> None:
        for n in range(3):
            await desk.is_admitted(f"A{n}")

    admitting = asyncio.create_task(admit())
    telling = asyncio.create_task(desk.put(PATH, lowered, role="program"))
    answers = await asyncio.gather(*(answered(desk, f"/api/offers/{offer}/accepted", {}) for offer in offers))
    await admitting
    assert (await telling).status_code == 200
    assert {one.status_code for one in answers} <= {200, 409}
    late = [one for one in offers if (await answered(desk, f"/api/offers/{one}/accepted", {})).status_code == 200]
    held = [one.value for one in await desk.feed.sent("care.events") if one.fact.name == "seat-held"]
    assert len(held) == sum(one.status_code == 200 for one in answers) + len(late)
    assert all(one["census"] < one["capacity"] for one in held)
    after = await seats(desk)
    assert (after["out_of_use"], after["free"]) == (14, max(0, 6 - 3))
    found = [str(one) async for one in broken(desk.feed.database, rules_of(load(SAMPLE)))]
    assert [one for one in found if not one.startswith("outbox")] == []


async def test_the_board_shows_every_program_and_its_form_keeps_what_is_typed(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    await nobody.enter(token("program", ("GOODHEALTH",)))
    board = await nobody.open("/board")
    assert board.status == 200, board.text
    for words in ("Adult partial hospitalization", "nothing yet", "Tell of its seats", "Riverbend day program"):
        assert words in board.text
    page = await nobody.open("/programs/GH-PHP1/capacity")
    sheet = page.frame["Tell it"]
    wrong = await nobody.send(page, sheet, **{"out_of_use.0.from": DAY, "out_of_use.0.to": "2026-05-01"})
    assert wrong.status == 422
    assert f'value="{DAY}"' in wrong.text
    done = await nobody.send(page, sheet, **{"out_of_use.0.from": DAY, "out_of_use.0.seats": "4"})
    assert "counts from now on" in done.text
    assert [each["seats"] for each in (await seats(desk))["told"]["out_of_use"]] == [4]
    again = await nobody.open("/programs/GH-PHP1/capacity")
    assert again.frame["Tell it"].fields["out_of_use.0.seats"] == "4"
    assert (await nobody.open("/programs/RB-PHP/capacity")).status == 404
