"""Authorizations over HTTP: asked for, answered, extended; burnt by what was given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.placement.billing.authorizing import MOVES
from tests.builders import a_story, admitted, covered, discharged
from tests.placement.desk.conftest import Desk
from tests.placement.desk.stories import at_the_program, attends

ASKED = {"episode_id": "E1", "payer": "acme", "level": "php", "unit": "day", "units": 2}
ASKED |= {"from": "2026-05-06", "to": "2026-05-31"}


async def asks(desk: Desk, **more: Any) -> str:
    answer = await desk.post("/api/authorizations", ASKED | more, role="billing")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["auth_id"])


async def says(desk: Desk, auth: str, what: str, **body: Any) -> httpx.Response:
    return await desk.post(f"/api/authorizations/{auth}/{what}", body, role="billing")


async def test_what_a_payer_allowed_is_shown_with_what_is_left_of_it(desk: Desk) -> None:
    await at_the_program(desk)
    auth = await asks(desk)
    asked = (await desk.get(f"/api/authorizations/{auth}")).json()
    assert (asked["state"], asked["payer"], asked["in_force"], asked.get("used")) == ("requested", "ACME", False, None)
    approved = (await says(desk, auth, "approved", number="A-1")).json()
    assert [approved[name] for name in ("state", "number", "units", "used", "left")] == ["approved", "A-1", 2, 0, 2]
    assert approved["possible"] == ["requested", "extended", "ended"]
    assert (await desk.get(f"/api/authorizations/{auth}")).json() == approved


async def test_what_a_payer_allowed_burns_day_by_day_and_warns_when_it_is_used_up(desk: Desk) -> None:
    placement = await at_the_program(desk)
    await desk.feed.bring(_covered())
    auth = await asks(desk)
    await says(desk, auth, "approved")
    for day in ("07", "08", "11"):
        await attends(desk, placement, f"2026-05-{day}")
    [shown] = await desk.listed("authorizations", episode_id="E1")
    assert (shown["used"], shown["left"]) == (2, 0)
    period = (await desk.feed.billed("E1"))[-1]
    assert "exhausted-authorization" in period["warnings"]
    extended = (await says(desk, auth, "extended", units=5)).json()
    assert (extended["used"], extended["left"], extended["to"]) == (3, 2, "2026-05-31")
    assert "exhausted-authorization" not in (await desk.feed.billed("E1"))[-1]["warnings"]
    ended = (await says(desk, auth, "ended", to="2026-05-08", reason="care-not-needed")).json()
    assert (ended["state"], ended["used"], ended["possible"]) == ("ended", 2, ["requested"])


async def test_after_40_days_on_5_authorized_none_is_left_and_it_is_on_the_list(desk: Desk) -> None:
    """An open inpatient stay: midnights in the house, by New York's day, whether anything is told or not."""
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
    there = admitted("2026-05-04 07:00", program="GH-3W", **named)
    await desk.feed.bring(*a_story(there, covered("2026-05-04 07:30", effective="2026-05-01", **named)))
    auth = await asks(desk, level="inpatient", units=5, **{"from": "2026-05-04", "to": "2026-05-20"})
    await says(desk, auth, "approved", number="A-1")
    assert await today(desk) == (0, 5, None)
    assert await listed(desk) == {}
    desk.clock.at = datetime(2026, 5, 9, 3, 59, tzinfo=UTC)
    assert await today(desk) == (4, 1, None), "the fifth midnight is to come, in New York"
    assert await listed(desk) == {}
    desk.clock.forward(timedelta(minutes=1))
    assert await today(desk) == (5, 0, None)
    desk.clock.at = datetime(2026, 6, 13, 12, tzinfo=UTC)
    assert await today(desk) == (5, 0, 35)
    assert await listed(desk) == {"authorizations-used-up": [35], "authorizations-exhausted": [35]}
    [period] = await desk.feed.billed("E1")
    assert [one["units_used"] for one in period["authorizations"]] == [0], "the episode has seen no fact since"
    left = replace(discharged("2026-06-13 08:00", **named), sequence=3)
    await desk.feed.bring(left)
    assert await today(desk) == (5, 0, 35)
    assert await listed(desk) == {}, "nobody has to ask the payer any more"


async def today(desk: Desk) -> tuple[int, int, int | None]:
    """(used, left, over) of the only authorization."""
    [one] = await desk.listed("authorizations", episode_id="E1")
    assert not {"ahead", "used_up_at", "goes_on"} & one.keys()
    return one["used"], one["left"], one.get("over")


async def listed(desk: Desk) -> dict[str, list[Any]]:
    """List of work about used up authorizations → how many units too many each has."""
    found: dict[str, list[Any]] = {}
    for name in ("authorizations-used-up", "authorizations-exhausted"):
        items = (await desk.get(f"/api/worklists/{name}", role="billing")).json()["items"]
        counts = {each["name"]: each["count"] for each in (await desk.get("/api/worklists")).json()["worklists"]}
        assert counts[name] == len(items)
        found |= {name: [each.get("over") for each in items]} if items else {}
    return found


def _covered() -> Any:
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "sequence": 3}
    return covered("2026-05-01 10:00", effective="2026-05-01", **named)


async def test_asking_for_more_takes_nothing_away_and_what_was_asked_is_what_is_approved(desk: Desk) -> None:
    await at_the_program(desk)
    auth = await asks(desk)
    await says(desk, auth, "approved")
    more = (await says(desk, auth, "requested", units=10)).json()
    assert (more["state"], more["units"], more["in_force"]) == ("requested", 2, True)
    assert more["possible"] == ["pended", "approved", "denied", "extended", "ended"]
    denied = (await says(desk, auth, "denied", reason="not-medically-necessary")).json()
    assert (denied["state"], denied["units"]) == ("denied", 2)
    assert (await says(desk, auth, "approved")).json()["units"] == 10


@pytest.mark.parametrize("to", [to for to in (*MOVES, "pended") if to not in MOVES["requested"]])
async def test_what_may_not_be_said_now_is_409_with_what_may(desk: Desk, to: str) -> None:
    await at_the_program(desk)
    auth = await asks(desk)
    answer = await says(desk, auth, to)
    assert (answer.status_code, answer.json()["state"], answer.json()["possible"]) == (
        409, "requested", ["pended", "approved", "denied"],
    )  # fmt: skip


async def test_days_stay_in_order_whichever_of_them_changes(desk: Desk) -> None:
    await at_the_program(desk)
    auth = await asks(desk)
    answer = await says(desk, auth, "approved", to="2026-05-01")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:days-out-of-order")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"payer": "SECRET"}, "payer"),
        ({"level": "SECRET"}, "level"),
        ({"unit": "SECRET"}, "unit"),
        ({"units": -1}, "units"),
        ({"from": "SECRET"}, "from"),
        ({"to": "2026-05-05"}, "to"),
        ({"SECRET": 1}, "?"),
    ],
)
async def test_what_the_site_does_not_have_is_named_by_its_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    answer = await desk.post("/api/authorizations", ASKED | body, role="billing")
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
    assert "SECRET" not in answer.text
