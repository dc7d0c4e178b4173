"""Who is expected by what a hospital told: the list of arrivals, and an episode that holds nothing else."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from services.placement.billing.periods import periods
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import Folded
from shared.clock import SetClock
from shared.facts.envelope import Fact
from shared.site import config
from tests.browsing import Browser
from tests.builders import a_story, admitted, discharged, patient_died
from tests.builders.folding import zone_of
from tests.builders.making import cancelled, fact, restated
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.test_lists_of_the_page import shown
from tests.placement.desk.test_worklists import counts, work

SITE = config.load(config.SAMPLE)
NAMED: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}


def arrival(name: str = "expected", when: str = "2026-05-04 08:00", at: str = "2026-05-06", **more: Any) -> Fact:
    """A visit V1 is expected at the partial hospitalization, or is no more."""
    own: dict[str, Any] = {"unit": "PHP1", "level": "php", "program": "GH-PHP1", "at": f"{at}T14:00:00Z"}
    return fact(f"arrival-{name}", when, stay=("visit", "V1"), **(own | more))


def test_an_arrival_is_in_the_state_and_changes_no_level_state_or_period() -> None:
    stay = [admitted("2026-03-02 10:00", visit="V0"), discharged("2026-03-09 10:00", visit="V0")]
    for before in ([], stay[:1], stay):
        without, expected = fold(before, zone_of), fold([*before, arrival()], zone_of)
        for name in ("state", "level", "levels", "stays", "since", "closings", "ineffective", "windows"):
            assert getattr(expected, name) == getattr(without, name), name
        assert periods(expected, zone_of, SITE.billed) == periods(without, zone_of, SITE.billed)
        assert [one.stay for one in expected.arrivals] == ["V1"]
    assert fold([arrival()], zone_of).state == "void"


def test_an_episode_is_not_where_somebody_is_expected_but_where_something_happened() -> None:
    here, there = admitted("2026-03-02 10:00"), arrival(facility="RIVERBEND")
    assert fold([here, there], zone_of).facility == "GOODHEALTH"
    assert fold([there], zone_of).facility == "RIVERBEND"


def test_any_order_of_what_is_expected_called_off_and_told_again_ends_alike() -> None:
    first, off = arrival(), arrival("cancelled", "2026-05-05 08:00")
    again = [cancelled(off), restated(first, at="2026-05-08T14:00:00Z")]
    for facts, expected in (([first, off], 0), ([first, off, *again], 1), ([first, off, again[0]], 1)):
        found = [_folded_as_they_come(order) for order in permutations(facts)]
        assert {one.arrivals for one in found} == {fold(facts, zone_of).arrivals}
        assert len(found[0].arrivals) == expected


def _folded_as_they_come(facts: Any) -> Folded:
    seen: list[Fact] = []
    folded = fold(seen, zone_of)
    for one in facts:
        seen.append(one)
        folded = advance(folded, [one], zone_of) or fold(seen, zone_of)
    return folded


async def expected(desk: Desk, **more: Any) -> list[Fact]:
    """E1 is expected on Wed 6 May."""
    story = a_story(arrival(**(NAMED | more)))
    await desk.feed.bring(*story)
    return story


async def test_who_is_expected_is_listed_until_the_visit_begins(desk: Desk) -> None:
    [first] = await expected(desk)
    [line] = await work(desk, "arrivals-expected")
    assert (line["id"], line["program"], line["level"], line["day"], line["overdue"]) == (
        first.id, "GH-PHP1", "php", "2026-05-06", False,
    )  # fmt: skip
    assert (await desk.get("/api/episodes/E1")).json()["episode"]["state"] == "void"
    begins = admitted("2026-05-06 09:00", visit="V1", level="php", program="GH-PHP1", sequence=2, **NAMED)
    await desk.feed.bring(begins)
    assert await work(desk, "arrivals-expected") == []
    await desk.feed.bring(cancelled(begins, sequence=3, **NAMED))
    assert len(await work(desk, "arrivals-expected")) == 1


@pytest.mark.parametrize("ends", ["cancelled", "died", "taken back"])
async def test_who_is_called_off_or_died_is_not_listed(desk: Desk, ends: str) -> None:
    [first] = await expected(desk)
    last = {
        "cancelled": arrival("cancelled", "2026-05-05 08:00", sequence=2, **NAMED),
        "died": patient_died("2026-05-05 08:00", sequence=2, **NAMED),
        "taken back": cancelled(first, sequence=2, **NAMED),
    }
    await desk.feed.bring(last[ends])
    assert await work(desk, "arrivals-expected") == []


async def test_who_did_not_come_is_overdue_when_the_sites_days_are_over(desk: Desk, clock: SetClock) -> None:
    await expected(desk, at=clock().date().isoformat())
    assert SITE.limits.arrival_days == 1
    for days, overdue in ((0, False), (1, False), (1, True)):
        clock.forward(timedelta(days=days))
        [line] = await work(desk, "arrivals-expected")
        assert line["overdue"] is overdue, days


async def test_only_who_may_see_the_facility_or_the_program_sees_who_is_expected(desk: Desk) -> None:
    await expected(desk)
    assert await counts(desk) == {"arrivals-expected": 1}
    answer = await desk.get("/api/worklists/arrivals-expected", facilities=("RIVERBEND",))
    assert answer.json()["items"] == []


async def test_the_page_says_where_and_when_somebody_is_expected(nobody: Browser, desk: Desk) -> None:
    await expected(desk)
    told = await shown(nobody, "arrivals-expected")
    assert "Adult partial hospitalization" in told
    assert "expected Wed 6 May" in told
    assert "unit PHP1" in told


async def test_who_is_expected_has_a_page_that_says_so(desk: Desk, nobody: Browser) -> None:
    await expected(desk)
    await nobody.enter(token("coordinator"))
    shown = await nobody.open("/patients/patient-E1")
    assert shown.status == 200
    assert "Arrivals expected" in shown.text.split('id="waits"')[1].split("</section>")[0]
