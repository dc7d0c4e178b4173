"""Two patients become one, and two again: what was due for review, late, and done by people goes along and comes back
(contract 3.6 rule 11, 3.8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from services.placement.rules import Rules
from tests.builders import admitted, covered, discharged
from tests.databases import empty
from tests.placement.conftest import TABLES
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_merges import R, S, bring, intake, whole
from tests.placement.desk.test_merges_in_any_order import comes
from tests.placement.desk.test_reviews import on, reviewer
from tests.placement.merging import Intake

__all__ = ["intake"]
THERE = (
    admitted("2026-05-04 07:00", level="residential", visit="V-R"),
    covered("2026-05-04 07:30", effective="2026-05-01", payer="ACME", visit="V-R"),
)
MINE = (admitted("2026-03-01 10:00", visit="V-S"), discharged("2026-03-05 10:00", visit="V-S"))


async def reviews_of(desk: Desk) -> dict[str, dict[str, str]]:
    """Episode → what is to be reviewed by which day → how it stands, and who ended it."""
    found: dict[str, dict[str, str]] = {}
    for one in await desk.listed("reviews"):
        how = f"{one['state']} by {one['done_by']} on {one['done_on'][5:]}" if one.get("done_on") else one["state"]
        found.setdefault(one["episode_id"], {})[f"{one['kind']} {one['due_on'][5:]}"] = how
    return found


async def done(desk: Desk, episode: str, kind: str, **body: Any) -> None:
    """A reviewer has done it."""
    [one] = [each for each in await desk.listed("reviews", episode_id=episode) if each["kind"] == kind]
    await reviewer(desk, f"reviews/{one['review_id']}/done", **body)


async def authorized(desk: Desk, episode: str) -> str:
    asked = {
        "episode_id": episode, "payer": "ACME", "level": "residential", "units": 14, "from": "2026-05-04",
        "to": "2026-05-17",
    }  # fmt: skip
    told = await reviewer(desk, "authorizations", **asked)
    await reviewer(desk, f"authorizations/{told['auth_id']}/approved", next_review="2026-05-13")
    return str(told["auth_id"])


async def planned(desk: Desk, episode: str) -> None:
    body = {"level": "residential", "hours_week": 20, "days_week": 5, "goals": 2, "review_due": "2026-05-20"}
    answer = await desk.post(f"/api/episodes/{episode}/plan", body, role="clinician")
    assert answer.status_code in {200, 201}, answer.text


async def worked_on(desk: Desk, intake: Intake) -> None:
    """R is in residence, was authorized and reviewed in part; S was an inpatient before."""
    await bring(desk, *intake.stays(R, *THERE), *intake.stays(S, *MINE))
    await authorized(desk, R)
    await planned(desk, R)
    await on(desk, "05-21")
    await done(desk, R, "next-review", reason="sent-to-payer")
    await done(desk, R, "plan", on="2026-05-20")


async def test_what_is_due_late_and_done_goes_with_the_patient_and_comes_back(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await worked_on(desk, intake)
    before = await reviews_of(desk)
    assert before[R]["next-review 05-13"] == "done by person on 05-21"
    assert before[R]["plan 05-20"] == "done by person on 05-20"
    assert before[R]["authorization-ending 05-17"] == "overdue"
    for _ in range(2):
        await bring(desk, *intake.merges(R, S))
        merged = await reviews_of(desk)
        assert R not in merged
        assert before[R].items() <= merged[S].items()
        await whole(desk, rules)
        [period] = [one for one in await desk.feed.billed(S) if one["level"] == "residential"]
        assert "review-overdue" in period["warnings"]
        await on(desk, "05-21")
        assert await reviews_of(desk) == merged, "the timer says nothing more"
        await bring(desk, *intake.unmerges(R, S))
        await on(desk, "05-21")
        assert await reviews_of(desk) == before
        await whole(desk, rules)


async def test_what_a_person_did_while_two_were_one_goes_back_with_the_stay(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await worked_on(desk, intake)
    await bring(desk, *intake.merges(R, S))
    await done(desk, S, "authorization-ending", reason="appealed")
    await on(desk, "06-20")
    await done(desk, S, "length-of-stay")
    assert (await reviews_of(desk))[S]["length-of-stay 06-17"] == "done by person on 06-20"
    await bring(desk, *intake.unmerges(R, S))
    await on(desk, "06-20")
    back = (await reviews_of(desk))[R]
    assert back["authorization-ending 05-17"] == "done by person on 05-21"
    assert back["length-of-stay 06-17"] == "done by person on 06-20"
    assert await desk.listed("leftovers") == []
    await whole(desk, rules)


Act = Callable[[Desk], Awaitable[None]]


@pytest.mark.parametrize("seed", range(6))
async def test_reviews_of_merged_records_end_alike_in_every_order(desk: Desk, rules: Rules, seed: int) -> None:
    async def plays(chance: Random | None) -> list[dict[str, dict[str, str]]]:
        own, found = Intake(), []
        await worked_on(desk, own)
        for turn in range(2):
            told = [*own.merges(R, S)] if turn % 2 == 0 else [*own.unmerges(R, S)]
            if chance is None:
                await bring(desk, *told)
            else:
                if chance.random() < 0.5:
                    await on(desk, "05-21")
                await comes(desk, told, chance)
            await on(desk, "05-21")
            await whole(desk, rules)
            found.append(await reviews_of(desk))
        return found

    expected = await plays(None)
    await empty(desk.feed.database, TABLES.split(", "))
    desk.clock.at = desk.clock().replace(month=5, day=4, hour=12)
    assert await plays(Random(seed)) == expected
