"""A first day that is missed gets another one without beginning again: placement, offer and seat stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events.taking_back import FactCancelled
from tests.browsing import Browser
from tests.placement.desk.conftest import DAY, Desk, token

NEW = "2026-05-13"
THERE = ("RIVERBEND",)


async def first_day(desk: Desk, placement: str, day: str = NEW, **who: Any) -> httpx.Response:
    """Another first day for the placement, by the program unless `who` says otherwise."""
    return await desk.post(f"/api/placements/{placement}/first-day", {"start_date": day}, **{"role": "program"} | who)


async def missed(desk: Desk, program: str = "GH-PHP1", **more: Any) -> str:
    """A placement whose first day was missed three days ago, as the program said."""
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1", program, **more)
    desk.clock.forward(timedelta(days=5))
    answer = await desk.post(f"/api/placements/{placement}/start-missed", role="program")
    assert (answer.status_code, answer.json()["state"]) == (200, "missed")
    return placement


async def on(desk: Desk, name: str) -> list[str]:
    """The ids of what is on a worklist."""
    answer = await desk.get(f"/api/worklists/{name}")
    return [one["id"] for one in answer.json()["items"]]


@pytest.mark.parametrize("role", ["program", "coordinator"])
async def test_who_speaks_for_the_program_gives_another_day_by_one_act(desk: Desk, role: str) -> None:
    placement = await missed(desk)
    [before] = await desk.listed("seats")
    answer = await first_day(desk, placement, role=role)
    told = answer.json()
    assert (answer.status_code, told["state"], told["start_date"]) == (200, "placed", NEW)
    assert (told["placement_id"], told["missed_days"], told["seat"]) == (placement, [DAY], True)
    assert [one["state"] for one in await desk.listed("searches")] == ["closed"], "the search does not begin anew"
    [offer] = await desk.listed("offers")
    assert (offer["state"], offer["start_date"]) == ("accepted", NEW)
    [seat] = await desk.listed("seats")
    assert (seat["seat_id"], seat["from"][:10]) == (before["seat_id"], NEW)
    assert await on(desk, "missed") == []


async def test_a_day_that_is_over_without_a_word_is_listed_and_is_missed_once_another_one_is_given(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    assert await on(desk, "missed") == []
    desk.clock.forward(timedelta(days=3))
    assert await on(desk, "missed") == [placement]
    assert (await first_day(desk, placement)).json()["missed_days"] == [DAY]
    assert "start-missed" in await desk.said()
    assert await on(desk, "missed") == []


async def test_before_it_comes_the_program_moves_the_first_day_and_nothing_is_missed(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    told = (await first_day(desk, placement, "2026-05-08")).json()
    assert (told["state"], told["start_date"], "missed_days" in told) == ("placed", "2026-05-08", False)
    assert "start-missed" not in await desk.said()


async def test_a_day_missed_again_is_missed_again_and_only_the_agreed_one_counts(desk: Desk) -> None:
    placement = await missed(desk)
    await first_day(desk, placement, "2026-05-10")
    desk.clock.forward(timedelta(days=1))
    again = await desk.post(f"/api/placements/{placement}/start-missed", role="program")
    assert (again.json()["state"], again.json()["missed_days"]) == ("missed", [DAY, "2026-05-10"])
    assert (await first_day(desk, placement, "2026-05-12")).json()["state"] == "placed"


@pytest.mark.parametrize(
    ("day", "why"),
    [("2026-05-08", "in-the-past"), (DAY, "in-the-past"), ("2026-05-09", None)],
)
async def test_a_new_first_day_is_today_or_later(desk: Desk, day: str, why: str | None) -> None:
    placement = await missed(desk)
    answer = await first_day(desk, placement, day)
    assert answer.status_code == (409 if why else 200)
    assert why is None or answer.json()["type"].endswith(f":{why}")


async def test_the_day_that_is_agreed_or_missed_is_no_new_one(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    assert (await first_day(desk, placement, DAY)).json()["type"].endswith(":same-day")
    desk.clock.forward(timedelta(days=2))
    assert (await desk.post(f"/api/placements/{placement}/start-missed", role="program")).status_code == 200
    assert (await first_day(desk, placement, DAY)).json()["type"].endswith(":missed")


async def test_where_the_program_is_full_on_the_new_day_nothing_changes(desk: Desk) -> None:
    placement = await missed(desk)
    capacity = (await desk.get("/api/programs/GH-PHP1")).json()["capacity"]
    told = {"out_of_use": [{"seats": capacity, "from": "2026-05-11", "reason": "staff"}]}
    assert (await desk.put("/api/programs/GH-PHP1/capacity", told)).status_code == 200
    refused = await first_day(desk, placement)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stepdown:problem:program-full")
    [still] = await desk.listed("placements")
    assert (still["state"], still["start_date"]) == ("missed", DAY)


async def test_a_desk_that_only_asked_asks_the_program_which_answers(desk: Desk) -> None:
    placement = await missed(desk, "RB-PHP")
    asked = (await first_day(desk, placement, role="coordinator", facilities=("GOODHEALTH",))).json()
    assert (asked["state"], asked["start_date"], asked["asked_day"]) == ("missed", DAY, NEW)
    [offer] = await desk.listed("offers")
    assert (offer["state"], offer["reason"]) == ("countered", "first-day-missed")
    assert offer["expires_at"] is not None
    path = f"/api/offers/{offer['offer_id']}/accepted"
    assert (await desk.post(path, role="program", facilities=THERE)).status_code == 200
    [told] = await desk.listed("placements")
    assert (told["state"], told["start_date"], told["missed_days"]) == ("placed", NEW, [DAY])
    assert "asked_day" not in told


async def test_where_the_program_does_not_take_the_new_day_the_search_goes_on(desk: Desk) -> None:
    placement = await missed(desk, "RB-PHP")
    await first_day(desk, placement, role="coordinator", facilities=("GOODHEALTH",))
    [offer] = await desk.listed("offers")
    path = f"/api/offers/{offer['offer_id']}/declined"
    assert (await desk.post(path, {"reason": "no-capacity"}, role="program", facilities=THERE)).status_code == 200
    [told] = await desk.listed("placements")
    assert (told["state"], told["reason"]) == ("cancelled", "offer-declined")
    assert [one["state"] for one in await desk.listed("searches")] == ["closed", "open"]
    [seat] = await desk.listed("seats")
    assert seat["until"][:10] == "2026-05-09", "given back"


async def test_a_desk_that_only_asked_does_not_put_an_agreed_day_at_risk(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1", "RB-PHP")
    answer = await first_day(desk, placement, role="coordinator", facilities=("GOODHEALTH",))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:not-due")


async def test_the_patient_came_after_all_and_all_of_it_is_taken_back(desk: Desk) -> None:
    placement = await missed(desk, "RB-PHP")
    await first_day(desk, placement, role="coordinator", facilities=("GOODHEALTH",))
    answer = await desk.post(f"/api/placements/{placement}/started", {"date": DAY}, role="program", facilities=THERE)
    assert (answer.status_code, answer.json()["state"]) == (200, "started")
    [offer] = await desk.listed("offers")
    assert (offer["state"], offer["start_date"]) == ("accepted", DAY), "the question is taken back"
    sent = [one.fact.value for one in await desk.feed.sent("care.events")]
    gone = [one for one in sent if isinstance(one, FactCancelled)]
    assert [(one.cancelled_type, one.reason) for one in gone] == [
        ("care.offer-countered.v1", "as-agreed"), ("care.start-missed.v1", "came-after-all"),
    ]  # fmt: skip


async def test_who_comes_later_than_the_day_that_was_missed_has_missed_it(desk: Desk) -> None:
    placement = await missed(desk)
    answer = await desk.post(f"/api/placements/{placement}/started", {"date": "2026-05-08"}, role="program")
    assert answer.json()["state"] == "started"
    assert "fact-cancelled" not in await desk.said()


async def test_what_was_said_in_error_is_taken_back_by_one_act(desk: Desk) -> None:
    placement = await missed(desk)
    path = f"/api/placements/{placement}/start-missed-withdrawn"
    back = await desk.post(path, {"reason": "wrong-patient"}, role="program")
    assert (back.status_code, back.json()["state"]) == (200, "placed")
    assert (await desk.post(path, {"reason": "wrong-patient"}, role="program")).json()["type"].endswith(":not-missed")


async def test_the_document_says_which_day_was_missed_until_another_one_is_agreed(desk: Desk) -> None:
    placement = await missed(desk)

    async def document() -> tuple[str | None, str | None]:
        value = (await desk.feed.sent("care.episodes"))[-1].value
        return value.get("missed_start"), value.get("next_start")

    assert await document() == (DAY, None)
    await first_day(desk, placement)
    assert await document() == (None, NEW)


async def test_the_page_shows_who_missed_it_and_has_the_form(nobody: Browser, desk: Desk) -> None:
    await missed(desk)
    await nobody.sign_in(token("coordinator", ("GOODHEALTH",)))
    page = await nobody.open("/", list="missed")
    assert "did not come on Wed 6 May" in page.text
    done = await nobody.press(page, "Adult partial hospitalization", "Another first day", start_date=NEW)
    assert "the search does not begin anew" in done.text
    assert "No first day was missed." in (await nobody.open("/", list="missed")).text
    assert "did not come on Wed 6 May" in (await nobody.open("/", list="placed")).text
