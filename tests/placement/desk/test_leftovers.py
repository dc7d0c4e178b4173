"""What a merge left with the patient who stays is listed once the merge is taken back, until a person says whose it is
(contract 3.6 rule 11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests.builders import referred
from tests.placement.desk.conftest import Desk
from tests.placement.desk.test_merges import IN, OUT, R, S, bring, lines_of, whole
from tests.placement.merging import Intake, by_episode

ASK = {"payer": "ACME", "level": "php", "unit": "day", "units": 10, "from": "2026-05-05", "to": "2026-06-05"}
HOUR = timedelta(hours=1)


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def asked(desk: Desk, episode: str, **more: Any) -> str:
    """The payer is asked; id of the authorization."""
    answer = await desk.post("/api/authorizations", {"episode_id": episode, **ASK, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["auth_id"])


async def in_charge(desk: Desk, episode: str) -> None:
    answer = await desk.post(f"/api/episodes/{episode}/assigned", {"user_id": "kim", "role": "coordinator"})
    assert answer.status_code == 200, answer.text


async def one_patient(desk: Desk, intake: Intake) -> None:
    """R left the ward and S was referred; both are one now."""
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, referred("2026-05-01 09:00")))
    await in_charge(desk, S)
    await are_one(desk, intake)


async def are_one(desk: Desk, intake: Intake) -> None:
    """Somebody says that they are one."""
    desk.clock.forward(HOUR)
    await bring(desk, *intake.merges(R, S, recorded_at=desk.clock().isoformat()))
    desk.clock.forward(HOUR)


def taken_apart(desk: Desk, intake: Intake) -> list[Fact]:
    """What says that they are two again."""
    desk.clock.forward(HOUR)
    back = intake.unmerges(R, S, recorded_at=desk.clock().isoformat())
    desk.clock.forward(HOUR)
    return back


async def two_patients(desk: Desk, intake: Intake) -> None:
    """They are two again."""
    await bring(desk, *taken_apart(desk, intake))


async def listed(desk: Desk) -> list[tuple[str, str, list[str]]]:
    """(Episode, state, types of the facts) of what merges left, as the worklist has it."""
    answer = await desk.get("/api/worklists/leftovers")
    assert answer.status_code == 200, answer.text
    return [
        (one["episode_id"], one["state"], [each["type"].split(".")[1] for each in one["facts"]])
        for one in answer.json()["items"]
    ]


async def test_an_authorization_asked_for_while_they_were_one_is_listed_once_they_are_two(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await one_patient(desk, intake)
    auth = await asked(desk, S)
    answer = await desk.post(f"/api/authorizations/{auth}/approved", {"units": 8})
    assert answer.status_code == 200, answer.text
    await in_charge(desk, S)
    assert await listed(desk) == []
    await two_patients(desk, intake)
    await asked(desk, S, number="A-2")
    assert await listed(desk) == [
        (S, "open", ["authorization-requested", "authorization-approved"]),
        (S, "open", ["assigned"]),
    ]
    await whole(desk, rules)


async def test_what_is_about_a_stay_or_a_search_of_either_record_is_not_listed(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, IN, OUT))
    before = await asked(desk, S)
    await are_one(desk, intake)
    await desk.post(f"/api/authorizations/{before}/approved", {"units": 8})
    await desk.places(S)
    await two_patients(desk, intake)
    assert await listed(desk) == []
    await whole(desk, rules)


async def test_what_stays_is_listed_no_more(desk: Desk, intake: Intake, rules: Rules) -> None:
    await one_patient(desk, intake)
    await asked(desk, S)
    await two_patients(desk, intake)
    [one] = await desk.listed("leftovers", state="open")
    answer = await desk.post(f"/api/leftovers/{one['id']}/stays")
    assert (answer.status_code, answer.json().get("state")) == (200, "stays"), answer.text
    assert await listed(desk) == []
    again = await desk.post(f"/api/leftovers/{one['id']}/stays")
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:settled")
    await whole(desk, rules)


async def test_what_is_the_other_patient_s_is_stated_there_and_here_no_more(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await one_patient(desk, intake)
    auth = await asked(desk, S)
    await desk.post(f"/api/authorizations/{auth}/approved", {"units": 8})
    await two_patients(desk, intake)
    [one] = await desk.listed("leftovers")
    answer = await desk.post(f"/api/leftovers/{one['id']}/goes-back")
    assert answer.status_code == 200, answer.text
    [given] = await desk.listed("authorizations")
    assert (given["episode_id"], given["auth_id"], given["state"], given["units"]) == (R, auth, "approved", 8)
    assert await listed(desk) == []
    assert (await desk.post(f"/api/leftovers/{one['id']}/stays")).status_code == 404
    await whole(desk, rules)


async def test_a_merge_that_is_said_again_takes_the_list_away_and_gives_it_back(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await one_patient(desk, intake)
    await asked(desk, S)
    await two_patients(desk, intake)
    before = (await listed(desk), await lines_of(desk))
    await are_one(desk, intake)
    assert await listed(desk) == []
    await two_patients(desk, intake)
    assert (await listed(desk), await lines_of(desk)) == before
    await whole(desk, rules)


@pytest.mark.parametrize("first", [R, S])
async def test_the_list_is_the_same_in_every_order_and_for_repeats(
    desk: Desk, intake: Intake, rules: Rules, first: str
) -> None:
    await one_patient(desk, intake)
    await asked(desk, S)
    apart = by_episode(taken_apart(desk, intake))
    for episode in (first, S if first == R else R):
        await bring(desk, *apart[episode], *apart[episode])
    assert await listed(desk) == [(S, "open", ["authorization-requested"])]
    await whole(desk, rules)


async def test_who_may_not_see_the_facility_of_the_merge_is_shown_nothing_of_it(desk: Desk, intake: Intake) -> None:
    await one_patient(desk, intake)
    await asked(desk, S)
    await two_patients(desk, intake)
    [one] = await desk.listed("leftovers")
    path = f"/api/leftovers/{one['id']}"
    assert (await desk.get(path, facilities=("RIVERBEND",))).status_code == 404
    assert (await desk.post(f"{path}/goes-back", facilities=("RIVERBEND",))).status_code == 404
    assert (await desk.post(f"{path}/goes-back", role="program")).status_code == 403
