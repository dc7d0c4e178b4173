"""What patients go through at a program, told over HTTP: for tests of stays, sessions, conflicts and worklists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.builders import a_story, admitted, discharged
from tests.builders import cancelled as taken_back
from tests.placement.desk.conftest import DAY, Desk

WHY = {"reason": "told-by-mistake"}


async def at_the_program(desk: Desk, episode: str = "E1", program: str = "GH-PHP1", **more: Any) -> str:
    """Placed and started on 6 May; it is 13 May."""
    await desk.leaves_the_ward(episode)
    placement = await desk.places(episode, program, **more)
    desk.clock.forward(timedelta(days=9))
    assert (await says(desk, placement, "started", date=DAY))["state"] == "started"
    return placement


async def says(desk: Desk, placement: str, what: str, **body: Any) -> dict[str, Any]:
    """What a program says that is taken; the placement as it is then."""
    answer = await desk.post(f"/api/placements/{placement}/{what}", body, role="program")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused(desk: Desk, placement: str, what: str, **body: Any) -> tuple[str, str | None, list[str]]:
    """(why not, what is so, what is possible)."""
    answer = await desk.post(f"/api/placements/{placement}/{what}", body, role="program")
    assert answer.status_code == 409, answer.text
    told = answer.json()
    return told["type"].rsplit(":", 1)[1], told.get("state"), told["possible"]


async def attends(desk: Desk, placement: str, day: str, session: str | None = None) -> dict[str, Any]:
    body = {"placement_id": placement, "session_id": session or f"s-{day}", "date": day}
    answer = await desk.post("/api/sessions", body | {"services": [{"kind": "group", "minutes": 60}]}, role="program")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def state(desk: Desk, episode: str = "E1") -> tuple[str, str | None]:
    value = (await desk.get(f"/api/episodes/{episode}")).json()["episode"]
    return value["state"], value.get("level")


async def seats(desk: Desk, program: str = "GH-PHP1") -> list[tuple[str, str | None]]:
    """(from, until) of each seat, by their beginnings; New York's midnight is 04:00 UTC."""
    return [(one["from"], one.get("until")) for one in await desk.listed("seats", program=program)]


SINCE = "2026-05-06T04:00:00+00:00"


def until(day: int) -> str:
    """Midnight after a day of May."""
    return f"2026-05-{day + 1:02}T04:00:00+00:00"


async def ward_and_back(desk: Desk, *, attended: bool) -> str:
    """Started on 6 May, and on 13 May the hospital says that the patient never left."""
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
    story = a_story(admitted("2026-05-01 10:00", **named), discharged("2026-05-04 07:00", **named))
    await desk.feed.bring(*story)
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=9))
    await says(desk, placement, "started", date=DAY)
    if attended:
        await attends(desk, placement, DAY)
    await desk.feed.bring(replace(taken_back(story[1], episode="E1"), sequence=3))
    return placement
