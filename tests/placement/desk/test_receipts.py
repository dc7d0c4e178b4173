"""The receipt of a handover: the program confirms that the patient came and that it read the packet; who has not is
listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from shared.events.taking_back import FactCancelled
from tests.browsing import Browser
from tests.builders import a_story, admitted, discharged
from tests.placement.desk.conftest import DAY, Desk, token

ASKED: dict[str, Any] = {"role": "coordinator", "facilities": ("GOODHEALTH",)}


async def confirms(desk: Desk, placement: str, **body: Any) -> httpx.Response:
    """The program confirms the handover."""
    return await desk.post(f"/api/placements/{placement}/received", body, role="program")


async def open_ones(desk: Desk) -> list[str]:
    """Ids of the placements on the list."""
    return [one["id"] for one in (await desk.get("/api/worklists/handovers-open")).json()["items"]]


async def came(desk: Desk, program: str = "GH-PHP1") -> str:
    """A placement whose patient came on the first day, as the program said."""
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1", program)
    desk.clock.forward(timedelta(days=2, hours=12))
    answer = await desk.post(f"/api/placements/{placement}/started", {"date": DAY}, role="program")
    assert answer.json()["state"] == "started"
    return placement


async def test_a_first_day_that_the_program_told_confirms_the_arrival_and_the_packet_is_still_to_be_read(
    desk: Desk,
) -> None:
    placement = await came(desk)
    [told] = await desk.listed("placements")
    assert told["receipt"] == {"arrived": True, "plan_read": False}
    assert await open_ones(desk) == []
    desk.clock.forward(timedelta(days=1))
    assert await open_ones(desk) == [placement], "the sample site gives a day"
    answer = await confirms(desk, placement)
    assert answer.json()["receipt"] == {"arrived": True, "plan_read": True}
    assert await open_ones(desk) == []
    again = await confirms(desk, placement)
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:already-confirmed")


async def test_the_packet_may_be_read_before_the_patient_comes_and_that_is_no_arrival(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    nothing = await confirms(desk, placement, plan_read=False)
    assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:stepdown:problem:nothing-to-confirm")
    told = (await confirms(desk, placement)).json()
    assert told["receipt"] == {"arrived": False, "plan_read": True}
    assert (await confirms(desk, placement)).status_code == 409


async def test_an_arrival_that_only_the_hospital_told_is_confirmed_by_the_program(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=2, hours=12))
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
    php: dict[str, Any] = {"level": "php", "program": "GH-PHP1", "visit": "V9", "ce_id": "admitted-V9"}
    before = admitted("2026-05-01 10:00", **named), discharged("2026-05-04 07:00", **named)
    await desk.feed.bring(a_story(*before, admitted("2026-05-06 09:00", **php, **named))[-1])
    desk.clock.forward(timedelta(days=2))
    [told] = await desk.listed("placements")
    assert "receipt" not in told
    assert await open_ones(desk) == [placement]
    assert (await confirms(desk, placement)).json()["receipt"] == {"arrived": True, "plan_read": True}


async def test_the_desk_that_asked_is_shown_it_and_has_it_on_its_list(desk: Desk) -> None:
    placement = await came(desk, "RB-PHP")
    desk.clock.forward(timedelta(days=2))
    [told] = (await desk.get("/api/placements", **ASKED)).json()["placements"]
    assert (told["receipt"], "receipt_due" in told) == ({"arrived": True, "plan_read": False}, True)
    items = (await desk.get("/api/worklists/handovers-open", **ASKED)).json()["items"]
    assert [one["id"] for one in items] == [placement]
    answer = await desk.post(f"/api/placements/{placement}/received", **ASKED)
    assert answer.status_code == 403, "the program confirms, not who asked it"


async def test_a_receipt_is_taken_back_by_the_program_and_with_what_it_rests_on(desk: Desk) -> None:
    placement = await came(desk)
    await confirms(desk, placement)
    back = await desk.post(
        f"/api/placements/{placement}/received-withdrawn", {"reason": "wrong-patient"}, role="program"
    )
    assert back.json()["receipt"] == {"arrived": True, "plan_read": False}
    await confirms(desk, placement)
    gone = await desk.post(f"/api/placements/{placement}/start-withdrawn", {"reason": "wrong-patient"}, role="program")
    assert gone.json()["state"] == "placed"
    assert gone.json()["receipt"] == {"arrived": False, "plan_read": True}, "what was read was read"
    off = await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "other"})
    assert (off.json()["state"], "receipt" in off.json()) == ("cancelled", False)
    assert (await desk.said()).count("handover-received") == 3
    gone_facts = [one.fact.value for one in await desk.feed.sent("care.events")]
    types = [one.cancelled_type for one in gone_facts if isinstance(one, FactCancelled)]
    assert types.count("care.handover-received.v1") == 2


async def test_a_placement_that_was_cancelled_has_nothing_to_confirm(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    await desk.post(f"/api/placements/{placement}/cancelled", {"reason": "other"})
    assert (await confirms(desk, placement)).json()["type"] == "urn:stepdown:problem:cancelled"
    path = f"/api/placements/{placement}/received-withdrawn"
    answer = await desk.post(path, {"reason": "other"}, role="program")
    assert answer.json()["type"] == "urn:stepdown:problem:not-confirmed"


async def test_the_page_has_the_form_and_says_what_is_open(nobody: Browser, desk: Desk) -> None:
    await came(desk)
    desk.clock.forward(timedelta(days=2))
    await nobody.sign_in(token("program", ("GOODHEALTH",)))
    page = await nobody.open("/", list="handovers-open")
    for words in ("arrival confirmed", "packet not read"):
        assert words in page.text
    done = await nobody.press(page, "Adult partial hospitalization", "Confirm the handover")
    assert "The handover is confirmed" in done.text
    assert "Every program has confirmed its handovers." in (await nobody.open("/", list="handovers-open")).text
    assert "packet read" in (await nobody.open("/", list="started")).text
