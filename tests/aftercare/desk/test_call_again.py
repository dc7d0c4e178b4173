"""Who was not reached is called again on a day: the call leaves the list and is back in it on that day."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.clock import SetClock
from shared.storage import entry_marks
from shared.storage.database import Database
from shared.storage.entry_marks import MarkedEntry
from tests.aftercare.builders import day
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import contact
from tests.aftercare.desk.test_page import browser, clock, lists, nobody
from tests.browsing import Browser, Page

__all__ = ["browser", "clock", "lists", "nobody"]
pytestmark = pytest.mark.usefixtures("completed")


async def calls(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.get("/api/worklists/contacts")).json()["items"]
    return found


async def recorded(desk: Desk) -> list[str]:
    return [one["outcome"] for one in await desk.listed("contacts")]


def patients(page: Page) -> list[str]:
    return re.findall(r'data-patient="([^"]+)"', page.text)


async def test_the_call_says_until_when_it_is_out_of_sight_and_why(desk: Desk) -> None:
    answer = await contact(desk, day(2, 9), "no-answer", call_again_on="2026-04-05")
    assert answer.status_code == 201, answer.text
    [call] = await calls(desk)
    assert (call["snoozed_until"], call["snooze_reason"]) == ("2026-04-05T04:00:00+00:00", "called-back-later")
    assert await recorded(desk) == ["no-answer"]


async def test_by_the_form_of_the_list_it_leaves_the_list_and_comes_back_on_its_day(
    browser: Browser, clock: SetClock
) -> None:
    page = await browser.open("/", list="contacts")
    assert len(patients(page)) == 1
    sent = {"mode": "phone", "outcome": "left-message", "call_again_on": "2026-04-06"}
    done = await browser.press(page, "First call", "Record a contact", **sent)
    assert done.notice == "The contact is recorded"
    assert patients(await browser.open("/", list="contacts")) == []
    out = await browser.open("/", list="contacts", snoozed="yes")
    assert "snoozed until Mon 6 Apr" in out.text
    clock.at = day(4, 23)
    assert patients(await browser.open("/", list="contacts")) == []
    clock.at = day(5, 1)
    back = await browser.open("/", list="contacts")
    assert len(patients(back)) == 1
    assert "<title>Contacts to make (1)" in back.text


@pytest.mark.parametrize("when", ["2026-04-03", "2026-03-01", "2026-07-03"], ids=["today", "long ago", "far off"])
async def test_the_day_is_to_come_and_not_far_off(desk: Desk, when: str) -> None:
    answer = await contact(desk, day(2, 9), "no-answer", call_again_on=when)
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, ["call_again_on"])
    assert await recorded(desk) == [], "nothing is recorded by halves"


@pytest.mark.parametrize("outcome", ["reached", "attended", "declined", "cancelled"])
async def test_who_was_reached_or_wants_no_calls_is_not_called_again_on_a_day(desk: Desk, outcome: str) -> None:
    answer = await contact(desk, day(2, 9), outcome, call_again_on="2026-04-05")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "call_again_on")
    assert await recorded(desk) == []


async def test_where_no_call_is_asked_for_there_is_none_to_come_back(desk: Desk) -> None:
    assert (await contact(desk, day(1), "declined")).status_code == 201
    answer = await contact(desk, day(2, 9), "no-answer", call_again_on="2026-04-05")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:no-call-asked")
    assert await recorded(desk) == ["declined"]


async def test_a_call_that_a_colleague_has_is_theirs(desk: Desk, database: Database) -> None:
    [plan] = await calls(desk)
    async with database.begin() as connection:
        call = MarkedEntry("plan", plan["id"], plan["state"])
        assert await entry_marks.take(connection, call, "a-colleague", by="a-colleague", at=day(1))
    answer = await contact(desk, day(2, 9), "no-answer", call_again_on="2026-04-05")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:taken")
    assert "a-colleague has it since" in answer.json()["detail"]
    assert await recorded(desk) == []
    assert (await contact(desk, day(2, 9), "no-answer")).status_code == 201


async def test_a_form_that_is_refused_says_at_the_day_why(browser: Browser) -> None:
    page = await browser.open("/", list="contacts")
    sent = {"mode": "phone", "outcome": "reached", "call_again_on": "2026-04-06"}
    refused = await browser.press(page, "First call", "Record a contact", **sent)
    assert refused.status == 422
    assert "Only who was not reached is called again on a day" in refused.text
    assert 'aria-invalid="true"' in refused.text
