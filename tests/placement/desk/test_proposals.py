"""A more intensive level that an assessment or a referral asks for while a stay is open: proposed, and a person decides
(contract 3.7.1)."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests.browsing import Browser
from tests.builders import ELSEWHERE, a_story, admitted, assessed, cancelled, discharged, referred
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.test_merges import whole
from tests.placement.desk.test_worklists import counts, work

NAMED: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
THERE = admitted("2026-05-01 10:00", level="iop", program="GH-IOP1", **NAMED)
WORSE = assessed("2026-05-03 09:00", recommended_level="php", instrument="LOCUS", writer="intake", **NAMED)
ASKED = referred("2026-05-03 09:00", requested_level="inpatient", **NAMED)


async def told(desk: Desk, *facts: Fact) -> None:
    await desk.feed.bring(*a_story(*facts))


async def looked_for(desk: Desk) -> list[tuple[str, str, str | None]]:
    """Level, state and what each search began with."""
    found = await desk.listed("searches", episode_id="E1")
    return [(one["recommended_level"], one["state"], one.get("reason") or one["begun_by"]) for one in found]


async def accepts(desk: Desk, level: str) -> None:
    answer = await desk.post("/api/searches", {"episode_id": "E1", "level": level})
    assert answer.status_code == 201, answer.text


async def test_it_is_listed_and_nobody_looks_until_a_person_accepts_it(desk: Desk, rules: Rules) -> None:
    await told(desk, THERE, WORSE)
    [line] = await work(desk, "step-up-proposed")
    assert (line["level"], line["proposed"], line["by"], line["instrument"]) == ("iop", "php", "assessment", "LOCUS")
    assert await looked_for(desk) == []
    await accepts(desk, "php")
    assert await counts(desk) == {"searches-open": 1}
    [search] = await desk.listed("searches", episode_id="E1")
    assert (search["trigger"], search["begun_by"], search["from_level"]) == (WORSE.id, "assessment", "iop")
    await whole(desk, rules)


async def test_its_search_goes_on_while_the_assessment_stands_and_ends_with_it(desk: Desk, rules: Rules) -> None:
    await told(desk, THERE, WORSE)
    await accepts(desk, "php")
    await desk.offers("E1", "GH-PHP1")
    last = cancelled(WORSE, sequence=3, **NAMED)
    await desk.feed.bring(last)
    assert await looked_for(desk) == [("php", "closed", "discharge-cancelled")]
    assert [one["state"] for one in await desk.listed("offers")] == ["withdrawn"]
    assert await counts(desk) == {}
    await whole(desk, rules)


async def test_a_referral_proposes_too_and_the_level_that_is_reached_is_proposed_no_more(desk: Desk) -> None:
    await told(desk, THERE, ASKED)
    assert [one["proposed"] for one in await work(desk, "step-up-proposed")] == ["inpatient"]
    up = admitted("2026-05-04 07:00", visit="V2", level="inpatient", sequence=3, **NAMED)
    await desk.feed.bring(up)
    assert "step-up-proposed" not in await counts(desk)


@pytest.mark.parametrize("end", ["declined", "left", "taken back", "closed"])
async def test_it_goes_when_it_is_answered_or_asked_no_more(desk: Desk, rules: Rules, end: str) -> None:
    await told(desk, THERE, WORSE)
    if end == "declined":
        answer = await desk.post("/api/episodes/E1/declined", {"level": "php", "reason": "wants-to-stay"})
        assert answer.status_code == 200, answer.text
    elif end == "closed":
        await accepts(desk, "php")
        [search] = await desk.listed("searches", episode_id="E1")
        await desk.post(f"/api/searches/{search['search_id']}/closed", {"reason": "no-program"})
    else:
        out = discharged("2026-05-04 06:00", level="iop", sequence=3, **NAMED)
        await desk.feed.bring(out if end == "left" else cancelled(WORSE, sequence=3, **NAMED))
    assert "step-up-proposed" not in await counts(desk)
    await whole(desk, rules)


async def test_a_later_assessment_proposes_anew(desk: Desk) -> None:
    await told(desk, THERE, WORSE)
    await desk.post("/api/episodes/E1/declined", {"level": "php", "reason": "wants-to-stay"})
    await desk.feed.bring(assessed("2026-05-10 09:00", recommended_level="php", sequence=3, writer="intake", **NAMED))
    assert [one["proposed"] for one in await work(desk, "step-up-proposed")] == ["php"]


async def test_a_search_that_nobody_named_a_level_for_is_not_the_proposed_one(desk: Desk) -> None:
    await told(desk, THERE, WORSE)
    assert (await desk.post("/api/searches", {"episode_id": "E1"})).status_code == 201
    assert await looked_for(desk) == [("outpatient", "open", "person")]
    assert len(await work(desk, "step-up-proposed")) == 1


async def test_another_facility_is_not_told_of_it(desk: Desk) -> None:
    await told(desk, THERE, WORSE)
    answer = await desk.get("/api/worklists/step-up-proposed", role="coordinator", facilities=(ELSEWHERE,))
    assert answer.json()["items"] == []


async def test_a_coordinator_accepts_it_on_the_page(desk: Desk, nobody: Browser) -> None:
    await told(desk, THERE, WORSE)
    await nobody.sign_in(token("coordinator"))
    page = await nobody.open("/", list="step-up-proposed")
    assert "LOCUS" in page.text
    assert "Steps up proposed" in (await nobody.open("/patients/patient-E1")).text
    done = await nobody.press(page, "is proposed", "Look for this level")
    assert done.status == 200, done.text
    assert await looked_for(desk) == [("php", "open", "assessment")]
