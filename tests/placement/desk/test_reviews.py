"""Reviews over HTTP and on the page: a timer says that one is due, people and payers end it (contract 3.8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.placement.timers import state_reviews
from tests.browsing import Browser
from tests.builders import a_story, admitted, covered
from tests.placement.desk.conftest import Desk, token

NAMED: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
LISTS = ("last-covered-day", "denied-in-time", "reviews-due", "certifications-due", "length-of-stay")


async def in_residence(desk: Desk, payer: str = "ACME", level: str = "residential") -> None:
    """From 4 May on."""
    there = admitted("2026-05-04 07:00", level=level, **NAMED)
    await desk.feed.bring(*a_story(there, covered("2026-05-04 07:30", effective="2026-05-01", payer=payer, **NAMED)))


async def authorized(desk: Desk, units: int, to: str, **more: Any) -> str:
    asked = {
        "episode_id": "E1",
        "payer": "ACME",
        "level": "residential",
        "units": units,
        "from": "2026-05-04",
        "to": to,
    }
    told = (await desk.post("/api/authorizations", asked, role="reviewer")).json()
    assert told["unit"] == "day", "the site's clock says so"
    await reviewer(desk, f"authorizations/{told['auth_id']}/approved", **more)
    return str(told["auth_id"])


async def reviewer(desk: Desk, path: str, **body: Any) -> dict[str, Any]:
    answer = await desk.post(f"/api/{path}", body, role="reviewer")
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> str:
    """Why not."""
    assert answer.status_code == 409, answer.text
    return str(answer.json()["type"]).rsplit(":", 1)[1]


async def on(desk: Desk, day: str) -> int:
    """The timer's turn at noon of a day in New York; how many episodes it had something to say of."""
    desk.clock.at = datetime.fromisoformat(f"2026-{day}T16:00").replace(tzinfo=UTC)
    return await state_reviews(desk.feed.database, desk.feed.rules, clock=desk.clock, ids=desk.feed.ids)


async def waiting(desk: Desk) -> dict[str, list[str]]:
    """List → the reviews in it, for a reviewer; the counts say the same."""
    found = {}
    counts = (await desk.get("/api/worklists", role="reviewer")).json()["worklists"]
    for name in LISTS:
        items = (await desk.get(f"/api/worklists/{name}", role="reviewer")).json()["items"]
        assert {one["name"]: one["count"] for one in counts}[name] == len(items)
        if items:
            found[name] = [f"{one['kind']} {one['due_on'][5:]} {one['state']}" for one in items]
    return found


async def test_what_was_authorized_is_reviewed_extended_and_denied(desk: Desk) -> None:
    await in_residence(desk)
    auth = await authorized(desk, 14, "2026-05-17", next_review="2026-05-13", reference="call-7", number="A-1")
    assert await waiting(desk) == {"last-covered-day": ["authorization-ending 05-17 ahead"]}
    assert await on(desk, "05-10") == 1
    assert await on(desk, "05-10") == 0
    assert (await waiting(desk))["reviews-due"] == ["next-review 05-13 due"]
    await on(desk, "05-14")
    assert (await waiting(desk))["reviews-due"] == ["next-review 05-13 overdue", "authorization-ending 05-17 due"]
    [shown] = await desk.listed("authorizations")
    assert (shown["used"], shown["left"], shown["last_covered_day"]) == (10, 4, "2026-05-17")
    [period] = await desk.feed.billed("E1")
    assert [(one["units_used"], one["as_of"]) for one in period["authorizations"]] == [(10, "2026-05-14")]
    assert "review-overdue" in period["warnings"]
    denied = {"peer_to_peer_by": "2026-05-18", "appeal_by": "2026-07-13"}
    await reviewer(desk, f"authorizations/{auth}/requested", units=28, to="2026-05-31")
    told = await reviewer(desk, f"authorizations/{auth}/denied", denial=denied, reason="not-medically-necessary")
    assert (told["denial"], told["requested_units"], told["in_force"]) == (denied, 28, True)
    assert (await waiting(desk))["denied-in-time"] == ["peer-to-peer 05-18 ahead", "appeal 07-13 ahead"]
    await on(desk, "05-16")
    assert "peer-to-peer 05-18 due" in (await waiting(desk))["reviews-due"]
    await reviewer(desk, f"authorizations/{auth}/approved", units=28, to="2026-05-31")
    assert await waiting(desk) == {"last-covered-day": ["authorization-ending 05-31 ahead"], **await plans(desk)}
    assert "review-overdue" not in (await desk.feed.billed("E1"))[0]["warnings"]


async def plans(desk: Desk) -> dict[str, list[str]]:
    """What certification waits for besides: residential care of this payer is certified too."""
    found = await waiting(desk)
    return {"certifications-due": found["certifications-due"]}


async def test_a_late_certification_is_late_and_not_refused(desk: Desk) -> None:
    await in_residence(desk, "MEDICARE", "inpatient")
    await on(desk, "05-04")
    assert (await waiting(desk))["certifications-due"] == ["certification 05-04 due"]
    await on(desk, "05-05")
    assert (await desk.feed.billed("E1"))[0]["warnings"] == ["certification-late"]
    said = {"kind": "initial", "from": "2026-05-04", "to": "2026-05-15", "npi": "1000000079"}
    future = await desk.post("/api/episodes/E1/certified", said | {"signed_at": "2026-05-06T09:00:00-04:00"})
    assert refused(future) == "in-the-future"
    await reviewer(desk, "episodes/E1/certified", **said, signed_at="2026-05-05T09:00:00-04:00")
    assert await waiting(desk) == {}
    [done] = await desk.listed("reviews", state="done")
    assert (done["done_by"], done["done_on"], done["due_on"]) == ("certification", "2026-05-05", "2026-05-04")
    assert (await desk.feed.billed("E1"))[0]["warnings"] == ["certification-late"]
    await on(desk, "05-13")
    assert (await waiting(desk))["certifications-due"] == ["recertification 05-15 due"]
    assert [name for name in await desk.said() if name.startswith("review")] == [
        "review-due", "review-due", "review-done", "review-due",
    ]  # fmt: skip


async def test_a_person_says_that_it_is_done_and_once_is_enough(desk: Desk) -> None:
    await in_residence(desk)
    await on(desk, "06-15")
    [shown] = await desk.listed("reviews", state="due")
    assert shown["kind"] == "length-of-stay"
    path = f"reviews/{shown['id']}/done"
    told = await reviewer(desk, path, reason="looked-at")
    assert (told["state"], told["done_by"], told["done_on"]) == ("done", "person", "2026-06-15")
    again = await desk.post(f"/api/{path}", role="reviewer")
    assert (refused(again), again.json()["state"]) == ("done", "done")
    later = await desk.post(f"/api/{path}", {"on": "2026-06-16"}, role="reviewer")
    assert later.status_code == 409
    assert (await desk.post("/api/reviews/review-nothing/done", role="reviewer")).status_code == 404
    assert (await desk.post(f"/api/{path}", role="auditor")).status_code == 403


async def test_a_denial_is_told_only_of_what_is_denied_and_a_unit_has_to_be_known(desk: Desk) -> None:
    await in_residence(desk)
    auth = await authorized(desk, 5, "2026-05-31")
    wrong = await desk.post(f"/api/authorizations/{auth}/extended", {"denial": {"appeal_by": "2026-06-30"}})
    assert refused(wrong) == "not-denied"
    asked = {"episode_id": "E1", "payer": "SELF", "level": "php", "from": "2026-05-04", "to": "2026-05-31"}
    assert (await desk.post("/api/authorizations", asked)).status_code == 422
    quarters = await desk.post("/api/authorizations", asked | {"unit": "quarter-hour", "units": 40})
    assert (quarters.json()["unit"], quarters.json()["unit_minutes"]) == ("hour", 15)


async def test_a_reviewer_reads_the_lists_and_does_what_they_ask(desk: Desk, nobody: Browser) -> None:
    await in_residence(desk)
    await authorized(desk, 14, "2026-05-17", next_review="2026-05-13", number="A-1")
    await on(desk, "05-12")
    await nobody.enter(token("reviewer"))
    for name, words in (
        ("last-covered-day", ("Sun 17 May", "8 of 14 days", "Acme Health Plan", "Wed 13 May")),
        ("reviews-due", ("The payer wants to hear again", "Done")),
        ("certifications-due", ("A physician has to certify the level", "Physician certified")),
    ):
        page = await nobody.open("/", list=name)
        assert page.status == 200
        text = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
        assert [word for word in words if word not in text] == [], name
    patient = await nobody.open("/patients/patient-E1")
    text = " ".join(re.sub(r"<[^>]+>", " ", patient.text).split())
    for word in ("last covered day Sun 17 May", "next review Wed 13 May", "A physician has to certify the level"):
        assert word in text


async def test_what_is_due_is_of_the_facility_alone(desk: Desk) -> None:
    await in_residence(desk, "MEDICARE", "inpatient")
    await on(desk, "05-05")
    mine: httpx.Response = await desk.get("/api/reviews", role="reviewer", facilities=("RIVERBEND",))
    assert mine.json()["reviews"] == []
    assert desk.clock.at - datetime(2026, 5, 5, tzinfo=UTC) < timedelta(days=1)
