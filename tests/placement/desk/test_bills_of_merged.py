"""After a merge the bill is the one that one patient would always have had, but for ids; once it is taken back, both
are as they were (contract 3.6 rule 11, 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests.builders import admitted, covered, diagnosed, discharged, leave_ended, leave_started, transferred
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_merges import whole
from tests.placement.merging import Intake
from tests.placement.test_daily_visits import days

R, S, ONE = "R", "S", "ONE"
OF_THE_EPISODE = ("episode_id", "patient_id")
BEGUN = date(2026, 3, 2)
ASKED = {"payer": "ACME", "level": "inpatient", "unit": "day", "units": 7, "from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def billed(desk: Desk, episode: str) -> list[dict[str, Any]]:
    """The bills, without what names the episode, and of a stay that placement made, without its id."""
    found = [dict(one) for one in await desk.feed.billed(episode)]
    for one in found:
        for name in OF_THE_EPISODE:
            one.pop(name, None)
        if one["stay"]["kind"] == "placement":
            one["stay"] = {"kind": "placement"}
    return sorted(found, key=str)


async def announced(desk: Desk, episode: str) -> Counter[str]:
    """Names of the announcements that stand, but for the merge's own."""
    told = [one.fact for one in await desk.feed.sent("care.events") if one.key == episode]
    gone = {one.as_json.get("cancels") for one in told} | {one.as_json.get("replaces") for one in told}
    shown = ("stepped-down", "stepped-up", "readmitted", "conflict-raised", "closed", "reopened")
    return Counter(one.name for one in told if one.id not in gone and one.name in shown)


def stay(number: int, chance: Random) -> list[Fact]:
    """One hospital stay of a few days, no two moments of two stays alike, with what a bill is made of."""
    visit, first = f"V{number}", BEGUN + timedelta(days=chance.randint(0, 20))
    minute, length = f"{number:02}", chance.randint(1, 9)

    def on(day: float, hour: int) -> str:
        return f"{first + timedelta(days=day)} {hour:02}:{minute}"

    found = [admitted(on(0, 10), visit=visit, level=chance.choice(("inpatient", "inpatient", "residential", "iop")))]
    if chance.random() < 0.5:
        code = chance.choice(("F32.2", "F33.1", "F10.20"))
        found.append(diagnosed(on(0, 11), visit=visit, code=code, rank=chance.randint(1, 3)))
    if chance.random() < 0.3:
        found.append(transferred(on(1, 9), visit=visit, to=chance.choice(("residential", "php"))))
    if chance.random() < 0.3 and length > 3:
        found += [leave_started(on(2, 8), visit=visit), leave_ended(on(3, 20), visit=visit)]
    if chance.random() < 0.8:
        found.append(discharged(on(length, 14), visit=visit))
    return found


async def as_one_patient(desk: Desk, intake: Intake, told: Sequence[Sequence[Fact]]) -> None:
    for facts in told:
        await desk.feed.bring(*intake.stays(ONE, *facts))


async def as_two(desk: Desk, intake: Intake, told: Sequence[Sequence[Fact]], chance: Random) -> None:
    """Each stay is of either patient."""
    whose = [chance.choice((R, S)) for _ in told]
    whose[:2] = [R, S]
    for episode, facts in zip(whose, told, strict=True):
        await desk.feed.bring(*intake.stays(episode, *facts))


async def authorized(desk: Desk, episode: str) -> None:
    answer = await desk.post("/api/authorizations", {"episode_id": episode, "number": "A-1", **ASKED})
    assert answer.status_code == 201, answer.text
    allowed = await desk.post(f"/api/authorizations/{answer.json()['auth_id']}/approved", {"units": 7})
    assert allowed.status_code == 200, allowed.text


@pytest.mark.parametrize("seed", range(6))
async def test_a_merge_gives_the_bill_that_one_patient_would_always_have_had(
    desk: Desk, intake: Intake, rules: Rules, seed: int
) -> None:
    chance = Random(seed)
    told = [stay(number, chance) for number in range(1, chance.randint(3, 6))]
    told[0].append(covered(f"{BEGUN} 09:00", payer=chance.choice(("ACME", "MEDICAID")), effective=str(BEGUN)))
    await as_one_patient(desk, intake, told)
    await as_two(desk, intake, told, chance)
    for episode in (ONE, R):
        await authorized(desk, episode)
    before = (await billed(desk, R), await billed(desk, S))
    for one in intake.merges(R, S):
        await desk.feed.bring(one)
    assert await billed(desk, S) == await billed(desk, ONE)
    assert await billed(desk, R) == []
    assert await announced(desk, S) == await announced(desk, ONE)
    await whole(desk, rules)
    await desk.feed.bring(*intake.unmerges(R, S))
    assert (await billed(desk, R), await billed(desk, S)) == before
    await whole(desk, rules)


@pytest.mark.parametrize("seed", range(3))
async def test_daily_accounts_of_both_are_one_stay_and_one_bill(
    desk: Desk, intake: Intake, rules: Rules, seed: int
) -> None:
    chance = Random(seed)
    on = [BEGUN + timedelta(days=7 * week + day) for week in range(4) for day in (0, 2, 4)]
    told = [days(day) for day in on]
    await as_one_patient(desk, intake, told)
    await as_two(desk, intake, told, chance)
    before = (await billed(desk, R), await billed(desk, S))
    for one in intake.merges(R, S):
        await desk.feed.bring(one)
    assert len(await billed(desk, ONE)) == 1
    assert await billed(desk, S) == await billed(desk, ONE)
    await whole(desk, rules)
    await desk.feed.bring(*intake.unmerges(R, S))
    assert (await billed(desk, R), await billed(desk, S)) == before
    await whole(desk, rules)


async def test_three_visits_of_one_account_stay_three(desk: Desk, intake: Intake) -> None:
    told = [[admitted(f"2026-03-0{n} 10:00", visit=f"V{n}"), discharged(f"2026-03-0{n + 1} 09:00", visit=f"V{n}")]
            for n in (2, 4, 6)]  # fmt: skip
    for facts in told:
        await desk.feed.bring(*intake.stays(R, *facts))
    await desk.feed.bring(*intake.merges(R, S))
    assert [one["visit_number"] for one in await desk.feed.billed(S)] == ["V2", "V4", "V6"]
