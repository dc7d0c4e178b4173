"""The attendance sheet of a group's day: one form for all; a row is recorded once, corrected, or refused in place."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shared.clock import SetClock
from tests.browsing import Browser, Page
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.stories import attends, says

HERE = "/programs/GH-PHP1/attendance"


@pytest.fixture
async def placements(desk: Desk) -> dict[str, str]:
    """Three patients who are at the program since 6 May, two of them in group A; it is 13 May."""
    await desk.leaves_the_ward("E1", "E2", "E3")
    found = {each: await desk.places(each, group=group) for each, group in (("E1", "A"), ("E2", "A"), ("E3", "B"))}
    desk.clock.forward(timedelta(days=9))
    for each in found.values():
        await says(desk, each, "started", date=DAY)
    return found


@pytest.fixture
async def browser(nobody: Browser, placements: dict[str, str]) -> Browser:
    """Staff of the program."""
    await nobody.enter(token("program", ("GOODHEALTH",)))
    return nobody


async def send(browser: Browser, page: Page, **fields: str) -> Page:
    return await browser.send(page, page.frame["Record attendance"], **fields)


async def recorded(desk: Desk, placement: str) -> list[tuple[str, str, str]]:
    """(day, state, what) of the sessions of a stay that stand."""
    answer = await desk.get("/api/sessions", {"placement_id": placement})
    return [
        (one["date"], one["state"], one.get("reason") or one["services"][0]["kind"])
        for one in answer.json()["sessions"]
        if one["state"] != "withdrawn"
    ]


def of(placement: str, **said: str) -> dict[str, str]:
    return {f"{name}.{placement}": value for name, value in said.items()}


async def test_a_day_is_recorded_in_one_form_with_what_the_program_usually_gives(
    browser: Browser, desk: Desk, placements: dict[str, str]
) -> None:
    shown = await browser.open(HERE, day="2026-05-12", all="there")
    assert set(re.findall(r'data-patient="([^"]+)"', shown.text)) == {"patient-E1", "patient-E2", "patient-E3"}
    sent = await send(browser, shown, **of(placements["E2"], there="no-show"), **of(placements["E3"], there=""))
    assert sent.notice == "Attendance is recorded"
    assert sent.address == f"{HERE}?day=2026-05-12"
    assert await recorded(desk, placements["E1"]) == [("2026-05-12", "attended", "group")]
    assert await recorded(desk, placements["E2"]) == [("2026-05-12", "absent", "no-show")]
    assert await recorded(desk, placements["E3"]) == [], "of whom nothing is said, nothing is recorded"
    [one] = (await desk.get("/api/sessions", {"placement_id": placements["E1"]})).json()["sessions"]
    assert one["services"][0] == {"kind": "group", "units": 1, "minutes": 360, "mode": "in-person"}


async def test_what_is_sent_twice_is_recorded_once(browser: Browser, desk: Desk, placements: dict[str, str]) -> None:
    shown = await browser.open(HERE, day="2026-05-12", all="there")
    first, again = await send(browser, shown), await send(browser, shown)
    assert first.notice == again.notice == "Attendance is recorded"
    assert [len(await recorded(desk, each)) for each in placements.values()] == [1, 1, 1]
    said = [name for name in await desk.said() if name in {"attended", "absent"}]
    assert len(said) == 3


async def test_what_could_not_be_recorded_is_said_at_its_row_and_the_rest_is_done(
    browser: Browser, desk: Desk, placements: dict[str, str]
) -> None:
    shown = await browser.open(HERE, day="2026-05-12", all="there")
    await says(desk, placements["E2"], "completed", date="2026-05-10", reason="goals-met")
    refused = await send(browser, shown, **of(placements["E1"], minutes="9999"))
    assert refused.status == 409
    assert refused.notice == "1 of 2 could not be recorded: the rows say why. All others are recorded."
    assert refused.text.count('aria-invalid="true"') == 1
    assert 'value="9999"' in refused.text, "what was typed is kept"
    assert await recorded(desk, placements["E1"]) == []
    assert await recorded(desk, placements["E3"]) == [("2026-05-12", "attended", "group")]


async def test_a_session_is_corrected_on_the_sheet_and_keeps_what_the_sheet_does_not_show(
    browser: Browser, desk: Desk, placements: dict[str, str]
) -> None:
    given = [{"kind": "group", "minutes": 60, "units": 4}, {"kind": "individual", "minutes": 45}]
    body = {"placement_id": placements["E1"], "session_id": "s-1", "date": "2026-05-12", "services": given}
    assert (await desk.post("/api/sessions", body, role="program")).status_code == 201
    shown = await browser.open(HERE, day="2026-05-12")
    assert shown.text.count("<small>recorded</small>") == 1
    await send(browser, shown, **of(placements["E1"], minutes="90"))
    [one] = (await desk.get("/api/sessions", {"placement_id": placements["E1"]})).json()["sessions"]
    assert [(each["kind"], each["minutes"], each["units"]) for each in one["services"]] == [
        ("group", 90, 4),
        ("individual", 45, 1),
    ]
    missed = await browser.open(HERE, day="2026-05-12")
    await send(browser, missed, **of(placements["E1"], there="excused"))
    assert await recorded(desk, placements["E1"]) == [("2026-05-12", "absent", "excused")]


async def test_what_somebody_else_recorded_meanwhile_is_not_written_over(
    browser: Browser, desk: Desk, placements: dict[str, str]
) -> None:
    shown = await browser.open(HERE, day="2026-05-12")
    await attends(desk, placements["E1"], "2026-05-12")
    answer = await send(browser, shown, **of(placements["E1"], there="no-show"))
    assert answer.status == 409
    assert "Somebody recorded something else meanwhile" in answer.text
    assert await recorded(desk, placements["E1"]) == [("2026-05-12", "attended", "group")]


async def test_a_group_s_sheet_has_its_patients_and_records_the_group(
    browser: Browser, desk: Desk, placements: dict[str, str]
) -> None:
    shown = await browser.open(HERE, day="2026-05-12", group="A", all="there")
    assert set(re.findall(r'data-patient="([^"]+)"', shown.text)) == {"patient-E1", "patient-E2"}
    await send(browser, shown)
    [one] = (await desk.get("/api/sessions", {"placement_id": placements["E1"]})).json()["sessions"]
    assert one["group"] == "A"


async def test_who_left_is_on_the_sheets_of_the_days_before(
    browser: Browser, desk: Desk, placements: dict[str, str], clock: SetClock
) -> None:
    await says(desk, placements["E1"], "completed", date="2026-05-10", reason="goals-met")
    days = {
        day: "patient-E1" in (await browser.open(HERE, day=day)).text
        for day in ("2026-05-05", "2026-05-06", "2026-05-10", "2026-05-11")
    }
    assert days == {"2026-05-05": False, "2026-05-06": True, "2026-05-10": True, "2026-05-11": False}


@pytest.mark.parametrize(
    ("role", "facilities", "status"),
    [
        ("coordinator", ("*",), 200), ("clinician", ("GOODHEALTH",), 200), ("program", ("RIVERBEND",), 404),
        ("billing", ("*",), 403), ("reviewer", ("*",), 403), ("auditor", ("*",), 403),
    ],
)  # fmt: skip
async def test_only_who_may_tell_sessions_of_the_program_has_its_sheet(
    nobody: Browser, placements: dict[str, str], role: str, facilities: tuple[str, ...], status: int
) -> None:
    await nobody.enter(token(role, facilities))
    assert (await nobody.open(HERE)).status == status


@pytest.mark.parametrize("asked", [{"day": "2026-05-14"}, {"day": "yesterday"}, {"group": "Z"}, {"who": "E1"}])
async def test_a_day_that_has_not_come_or_a_group_that_is_none_is_refused(
    browser: Browser, asked: dict[str, str]
) -> None:
    assert (await browser.open(HERE, **asked)).status == 422


async def test_the_list_of_programs_leads_to_the_sheet(browser: Browser) -> None:
    seats = await browser.open("/", list="seats")
    assert f'href="{HERE}"' in seats.text


async def test_a_program_with_more_patients_than_a_page_has_says_so_and_has_further_pages(
    browser: Browser, desk: Desk, placements: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.placement.desk.attendance.page.MOST", 2)
    shown = await browser.open(HERE, day="2026-05-12")
    first = re.findall(r'data-patient="([^"]+)"', shown.text)
    assert len(first) == 2
    assert "There are more patients than the 2 of one page" in shown.text
    [following] = re.findall(r'rel="next" href="([^"]+)"', shown.text)
    last = Page(await browser.client.get(following.replace("&amp;", "&")))
    second = re.findall(r'data-patient="([^"]+)"', last.text)
    assert {*first, *second} == {"patient-E1", "patient-E2", "patient-E3"}
    assert 'rel="next"' not in last.text
    [placement] = [placements[each.removeprefix("patient-")] for each in second]
    sent = await send(browser, last, **of(placement, there="no-show"))
    assert sent.notice == "Attendance is recorded"
    assert re.findall(r'data-patient="([^"]+)"', sent.text) == second, "the same page is shown again"
    assert await recorded(desk, placement) == [("2026-05-12", "absent", "no-show")]
