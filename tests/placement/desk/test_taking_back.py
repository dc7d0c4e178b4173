"""Right after an act the page offers to take it back, where the law allows that and the reader may do it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.placement.desk.page.desk import WRITES
from services.placement.desk.page.undo import UNDO
from shared.web.pages import NOTICE
from tests.browsing import Browser, Page
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.stories import at_the_program

HERE = "/patients/patient-E1"
PHP = "Adult partial hospitalization"


async def taken_back(browser: Browser, page: Page) -> tuple[Page, str]:
    """The page that the notice leads to, and the address of the form that is open on it."""
    path, _, rest = page.undo.partition("?")
    shown = await browser.open(path, open=rest.removeprefix("open=").removesuffix("#open"))
    opened = shown.text.split('id="open"')[1]
    return shown, opened.split('action="')[1].split('"')[0]


async def test_a_first_day_that_was_told_wrongly_is_taken_back_by_the_link_in_the_notice(
    nobody: Browser, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=9))
    await nobody.enter(token("program"))
    begun = await nobody.press(await nobody.open("/", list="placed"), PHP, "First day was", date=DAY)
    assert begun.notice == "The stay has begun"
    shown, address = await taken_back(nobody, begun)
    assert shown.address.startswith(HERE)
    assert address == f"/placements/{placement}/start-withdrawn"
    form = shown.forms("started")["Did not start"]
    gone = await nobody.send(shown, form, reason="wrong-patient")
    assert gone.notice.startswith("The stay has not begun")
    assert gone.undo == "", "taking back is not taken back"


@pytest.mark.parametrize(("role", "back"), [("coordinator", True), ("program", False)])
async def test_the_link_is_there_only_for_who_may_take_it_back(
    nobody: Browser, desk: Desk, role: str, back: bool
) -> None:
    await desk.leaves_the_ward("E1")
    await desk.offers("E1", "GH-PHP1")
    await nobody.enter(token(role))
    listed = await nobody.open("/", list="offers")
    declined = await nobody.press(listed, PHP, "Program declines", reason="no-capacity")
    assert declined.notice == "The program has declined"
    assert bool(declined.undo) is back


async def test_a_search_that_was_closed_is_opened_again_by_the_link(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("coordinator"))
    closed = await nobody.press(await nobody.open(HERE), "recommended", "Stop looking", reason="no-program")
    _, address = await taken_back(nobody, closed)
    assert address == "/searches"


async def test_a_session_is_recorded_and_taken_back_on_the_patient_s_page(nobody: Browser, desk: Desk) -> None:
    await at_the_program(desk)
    await nobody.enter(token("clinician"))
    shown = await nobody.open(HERE)
    told = await nobody.send(
        shown, shown.forms("started")["Attended"], **{"date": "2026-05-12", "services.0.minutes": "90"}
    )
    assert told.notice == "The session is recorded"
    assert "group, 90 minutes, in person" in told.text
    again, _ = await taken_back(nobody, told)
    gone = await nobody.send(again, again.forms("was there")["Take the session back"], reason="wrong-patient")
    assert gone.notice == "The session is taken back"
    assert "taken back" in gone.text


@pytest.mark.parametrize(
    "value",
    ["offer-sent.https%3A%2F%2Felsewhere", "offer-sent.%2Fx", "made-up.%2Fepisodes%2FE1%3Fopen%3D0123456789"],
)
async def test_a_cookie_leads_to_no_other_place(nobody: Browser, desk: Desk, value: str) -> None:
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("coordinator"))
    nobody.client.cookies.set(NOTICE, value)
    assert (await nobody.open("/")).undo == ""


def test_whatever_takes_an_act_back_is_a_write_of_the_api() -> None:
    assert {path for path, _ in UNDO.values()} <= {write.path for write in WRITES}
    assert UNDO.keys() <= {write.action for write in WRITES}
