"""Two patients become one, and two again: all that the desk has said of the one goes along and comes back: needs,
offers, waiting lines, seats, plan, medication, benefits, price (contract 3.6 rule 11)."""

from __future__ import annotations

from random import Random

import pytest

from services.placement.rules import Rules
from shared.events import ANNOUNCEMENTS
from tests.builders import admitted, covered, discharged
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_benefits import SAID
from tests.placement.desk.test_leftovers import are_one, two_patients
from tests.placement.desk.test_leftovers import listed as left
from tests.placement.desk.test_merges import IN, OUT, R, S, bring, whole
from tests.placement.desk.test_merges_in_any_order import comes
from tests.placement.desk.test_whole_packet import MED
from tests.placement.merging import Intake

IDS = frozenset({
    "episode_id", "patient_id", "recorded_at", "occurred_at", "replaces", "derived_from", "trigger", "corroborates",
    "labels", "search_id", "offer_id", "seat_id", "placement_id",
})  # fmt: skip
"""Fields that a copy has of its own, or that name something."""
MINE = (
    admitted("2026-03-01 10:00", level="outpatient", visit="V-S"),
    discharged("2026-03-05 10:00", level="outpatient", visit="V-S"),
)
"""S's stay: nobody looks for a program after it."""
PAID = covered("2026-05-01 11:00", payer="ACME", effective="2026-05-01")
NOT_SAID = frozenset({
    "admitted", "discharged", "coverage-changed", "patients-merged", "patients-unmerged", "merge-ended",
    "fact-cancelled", *(kind.TYPE for kind in ANNOUNCEMENTS),
})  # fmt: skip
"""What intake said, and what follows from it."""


async def said(desk: Desk, episode: str) -> list[str]:
    """What stands of what placement stated in an episode and counts there, without ids."""
    answer = await desk.get(f"/api/episodes/{episode}")
    assert answer.status_code == 200, answer.text
    told = [one for one in answer.json()["facts"] if one["stands"]]
    named = [(one["type"].split(".")[1], one["value"]) for one in told]
    return sorted(
        f"{name} {sorted((key, str(value)) for key, value in value.items() if key not in IDS)}"
        for name, value in named
        if name not in NOT_SAID
    )


async def lists(desk: Desk, episode: str) -> dict[str, list[str]]:
    """What is listed of an episode: searches with their needs, offers, places in line, seats."""
    found = {}
    for name, fields in (
        ("searches", ("state", "recommended_level", "needs")),
        ("offers", ("program", "state", "start_date")),
        ("waitlist", ("program", "state")),
        ("seats", ("program",)),
    ):
        rows = await desk.listed(name, episode_id=episode)
        found[name] = sorted(str([one.get(field) for field in fields]) for one in rows)
    return found


async def at_work(desk: Desk, intake: Intake) -> None:
    """R left the ward; a coordinator, a clinician and a reviewer did what they do."""
    await bring(desk, *intake.stays(R, IN, OUT, PAID), *intake.stays(S, *MINE))
    search = (await desk.search(R))["search_id"]
    for path, body, role in (
        (f"/api/searches/{search}/needs", {"also": {"housing": True, "child_care": True}}, "coordinator"),
        ("/api/offers", {
            "search_id": search, "programs": ["GH-PHP1", "RB-PHP"], "start_date": "2026-05-06",
        }, "coordinator"),
        ("/api/waitlist", {"search_id": search, "program": "GH-IOP1"}, "coordinator"),
        ("/api/seats", {
            "episode_id": R, "program": "GH-PHP1", "from": "2026-05-05T12:00:00Z", "until": "2026-05-09T12:00:00Z",
        }, "coordinator"),
        (f"/api/episodes/{R}/plan", {
            "level": "php", "hours_week": 20, "days_week": 5, "goals": 2, "review_due": "2026-05-20",
        }, "clinician"),
        (f"/api/episodes/{R}/medication", MED, "clinician"),
        (f"/api/episodes/{R}/benefits", SAID, "reviewer"),
        (f"/api/episodes/{R}/price", {"program": "GH-PHP1"}, "billing"),
        (f"/api/episodes/{R}/assigned", {"user_id": "u-1", "role": "coordinator"}, "coordinator"),
    ):  # fmt: skip
        answer = await desk.post(path, body, role=role)
        assert answer.status_code in {200, 201}, (path, answer.text)


@pytest.mark.parametrize("seed", [None, *range(5)])
async def test_all_that_the_desk_said_goes_along_and_comes_back(desk: Desk, rules: Rules, seed: int | None) -> None:
    intake = Intake()
    await at_work(desk, intake)
    before, listed, others = await said(desk, R), await lists(desk, R), await said(desk, S)
    for turn in range(2):
        for told in (intake.merges(R, S), intake.unmerges(R, S)):
            await (bring(desk, *told) if seed is None else comes(desk, told, Random(f"{seed}-{turn}")))
            await whole(desk, rules)
            if told[0].name == "patients-merged":
                assert sorted([*before, *others]) == await said(desk, S)
                assert await lists(desk, S) == listed
                assert all(not rows for rows in (await lists(desk, R)).values())
        assert await said(desk, R) == before
        assert await lists(desk, R) == listed
        assert await said(desk, S) == others


async def test_who_is_taken_out_of_a_line_while_two_were_one_is_out_of_it_afterwards(desk: Desk, rules: Rules) -> None:
    intake = Intake()
    await at_work(desk, intake)
    await bring(desk, *intake.merges(R, S))
    [place] = await desk.listed("waitlist", episode_id=S)
    answer = await desk.post(f"/api/waitlist/{place['id']}/left", {"reason": "patient-declined"})
    assert answer.status_code == 200, answer.text
    await bring(desk, *intake.unmerges(R, S))
    assert (await lists(desk, R))["waitlist"] == ["['GH-IOP1', 'left']"]
    assert (await lists(desk, S))["waitlist"] == []
    assert [one for one in await said(desk, R) if one.startswith("waitlist-left")]
    assert await said(desk, S) == []
    await whole(desk, rules)


async def test_a_price_told_while_two_were_one_is_left_for_a_person_to_say_whose_it_is(desk: Desk) -> None:
    intake = Intake()
    await at_work(desk, intake)
    await are_one(desk, intake)
    answer = await desk.post(f"/api/episodes/{S}/price", {"program": "GH-PHP1"}, role="billing")
    assert answer.status_code == 200, answer.text
    await two_patients(desk, intake)
    assert await left(desk) == [(S, "open", ["benefits-told"])]
