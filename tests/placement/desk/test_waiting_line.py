"""A seat that comes free is offered down the waiting line, one patient at a time, each with a deadline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from icalendar import Calendar

from services.placement.engine.waiting_line import offer_free_seats
from services.placement.timers import expire_offers
from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token

CLOSED = {"out_of_use": [{"from": "2026-05-01"}]}
PATH = "/api/programs/RB-PHP/capacity"


async def waiting(desk: Desk, *episodes: str, **needs: dict[str, Any]) -> None:
    """The day program is closed, and these wait for it in this order; `needs`: episode → what it needs."""
    assert (await desk.put(PATH, CLOSED, role="program")).status_code == 200
    await desk.leaves_the_ward(*episodes, facility="RIVERBEND")
    for each in episodes:
        search = (await desk.search(each))["search_id"]
        if each in needs:
            assert (await desk.post(f"/api/searches/{search}/needs", {"also": needs[each]})).status_code == 200
        answer = await desk.post("/api/waitlist", {"search_id": search, "program": "RB-PHP"})
        assert answer.status_code == 201, answer.text
        desk.clock.forward(timedelta(minutes=1))


async def offered(desk: Desk) -> list[tuple[str, str]]:
    """(episode, state) of every offer, after the timers ran."""
    feed = desk.feed
    await expire_offers(feed.database, feed.rules, clock=desk.clock, ids=feed.ids)
    await offer_free_seats(feed.database, feed.rules, clock=desk.clock, ids=feed.ids)
    return [(one["episode_id"], one["state"]) for one in await desk.listed("offers")]


async def test_a_freed_seat_is_offered_to_three_in_turn_and_the_third_accepts(desk: Desk) -> None:
    await waiting(desk, "E1", "E2", "E3", E3={"legal_status": "court-ordered"}, E2={"risk": "high"})
    assert await offered(desk) == [], "it is closed"
    assert (await desk.put(PATH, {}, role="program")).status_code == 200
    assert await offered(desk) == [("E2", "sent")], "high risk first"
    assert await offered(desk) == [("E2", "sent")], "one at a time"
    [first] = await desk.listed("offers")
    assert first["expires_at"] == "2026-05-04T21:00:00+00:00", "eight hours from when it opens, at 8"
    declined = await desk.post(f"/api/offers/{first['offer_id']}/declined", {"reason": "no-capacity"}, role="program")
    assert declined.status_code == 200, declined.text
    assert await offered(desk) == [("E2", "declined"), ("E3", "sent")], "who has to by court before who waits longer"
    desk.clock.forward(timedelta(days=3))
    found = await offered(desk)
    assert found == [("E2", "declined"), ("E3", "expired"), ("E1", "sent")], "nobody answered"
    last = (await desk.listed("offers"))[-1]
    accepted = await desk.post(f"/api/offers/{last['offer_id']}/accepted", role="program")
    assert accepted.status_code == 200, accepted.text
    assert [one["episode_id"] for one in await desk.listed("waitlist", state="waiting")] == ["E2", "E3"]
    assert [state for _, state in await offered(desk)] == ["declined", "expired", "accepted"], "they were asked"
    shown = (await desk.get("/api/programs/RB-PHP")).json()["answered"]
    assert [(one["state"], one.get("reason"), one["number"]) for one in shown] == [
        ("accepted", None, 1), ("declined", "no-capacity", 1), ("expired", None, 1),
    ]  # fmt: skip


async def test_nobody_is_offered_a_seat_who_waits_no_longer_or_where_the_program_does_not_ask_for_it(
    desk: Desk,
) -> None:
    await waiting(desk, "E1", "E2")
    [line, _] = await desk.listed("waitlist", state="waiting")
    await desk.post(f"/api/waitlist/{line['id']}/left", {"reason": "patient-asked"})
    search = (await desk.search("E2"))["search_id"]
    await desk.post(f"/api/searches/{search}/closed", {"reason": "lost-contact"})
    assert (await desk.put(PATH, {}, role="program")).status_code == 200
    assert await offered(desk) == []
    await desk.leaves_the_ward("E4")
    asked = {"search_id": (await desk.search("E4"))["search_id"], "program": "GH-PHP1"}
    assert (await desk.post("/api/waitlist", asked)).status_code == 201
    assert await offered(desk) == []


async def test_an_offer_has_the_program_s_deadline_unless_another_is_asked_for(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", facility="RIVERBEND")
    await desk.offers("E1", "RB-PHP", "GH-PHP1")
    found = {one["program"]: one.get("expires_at") for one in await desk.listed("offers")}
    assert found == {"RB-PHP": "2026-05-04T21:00:00+00:00", "GH-PHP1": None}
    await desk.leaves_the_ward("E2", facility="RIVERBEND")
    await desk.offers("E2", "RB-PHP", expires_at="2026-05-05T12:00:00Z")
    asked = [one["expires_at"] for one in await desk.listed("offers", episode_id="E2")]
    assert asked == ["2026-05-05T12:00:00+00:00"]


async def test_the_first_day_is_a_file_for_the_calendar_that_does_not_say_who(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    await nobody.enter(token("coordinator", ("GOODHEALTH",)))
    page = await nobody.open(f"/placements/{placement}/first-day.ics")
    assert page.status == 200, page.text
    [event] = list(Calendar.from_ical(page.text).walk("VEVENT"))
    told = event.to_ical().decode()
    for line in (
        "SUMMARY:First day: Adult partial hospitalization",
        "DTSTART;TZID=America/New_York:20260506T090000",
        "DTEND;TZID=America/New_York:20260506T150000",
        "LOCATION:Good Health Hospital",
    ):
        assert line in told
    assert "E1" not in page.text.replace(placement, "")
    assert (await nobody.open("/placements/none/first-day.ics")).status == 404
    assert "For the calendar" in (await nobody.open("/", list="placed")).text
