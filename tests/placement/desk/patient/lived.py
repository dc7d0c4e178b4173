"""One patient's way, told as hospitals and programs tell it: a ward with a leave, a discharge that was told wrongly
first, a program with sessions, an authorization, and an offer for the next level that waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.facts.envelope import Fact
from tests.builders import a_story, admitted, covered, discharged, leave_ended, leave_started, with_value
from tests.builders import cancelled as taken_back
from tests.placement.desk.conftest import DAY, Desk
from tests.placement.desk.stories import attends, says

NAMED: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
WRONG_DAY = "discharged-wrongly"


def recorded(fact: Fact, when: str) -> Fact:
    """The fact as it was learnt at this time (UTC) and not at once."""
    return with_value(fact, fact.as_json | {"recorded_at": f"{when.replace(' ', 'T')}:00+00:00"})


async def on_the_ward(desk: Desk) -> None:
    """Admitted on 20 April, home for a night; the discharge is first told for the 3rd, then for 4 May."""
    wrong = discharged("2026-05-03 16:00", ce_id=WRONG_DAY, **NAMED)
    story = a_story(
        admitted("2026-04-20 10:00", **NAMED),
        covered("2026-04-20 10:30", payer="ACME", effective="2026-04-20", **NAMED),
        leave_started("2026-04-25 10:00", **NAMED),
        leave_ended("2026-04-26 18:00", **NAMED),
        wrong,
        recorded(taken_back(wrong, episode="E1", patient_id="patient-E1"), "2026-05-03 22:00"),
        recorded(discharged("2026-05-04 07:00", **NAMED), "2026-05-04 11:30"),
    )
    await desk.feed.bring(*(replace(fact, causation_id=f"message-{fact.sequence}") for fact in story))


async def a_long_way(desk: Desk) -> str:
    """Both: the ward, and since 6 May a program; it is 13 May. Returns the placement."""
    await on_the_ward(desk)
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=9))
    await says(desk, placement, "started", date=DAY)
    for day in (6, 7, 8, 11, 12):
        await attends(desk, placement, f"2026-05-{day:02}")
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "units": 6}
    answer = await desk.post("/api/authorizations", asked | {"from": "2026-05-06", "to": "2026-05-19"}, role="billing")
    auth = answer.json()["auth_id"]
    await desk.post(f"/api/authorizations/{auth}/approved", {"number": "A-1"}, role="billing")
    plan = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 3, "review_due": "2026-05-12"}
    answer = await desk.post("/api/episodes/E1/plan", plan, role="clinician")
    assert answer.status_code in {200, 201}, answer.text
    return placement
