"""What a merge left with the patient who stays is listed once the merge is taken back, until a person says whose it is
(contract 3.6 rule 11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.aftercare.checks import broken
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from tests.aftercare.builders import LEFT, day, stay
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.desk.test_merges import copied, gone, lists, of_e1, of_e2
from tests.aftercare.test_handlers import take_in

HOUR = timedelta(hours=1)
OWN = stay("inpatient", LEFT - timedelta(days=200), LEFT - timedelta(days=190), id="V9")
"""E2's own stay."""


async def both_are_one(desk: Desk, database: Database) -> dict[str, Any]:
    """E1 is merged into E2 now; what the merge is called once it is over."""
    since = desk.clock()
    await take_in(database, gone(2), of_e2(2, OWN, copied(COMPLETED)))
    return {"facility": COMPLETED["facility"], "episode_id": "E1", "since": since.isoformat()}


async def are_two_again(desk: Desk, database: Database, merge: dict[str, Any]) -> None:
    desk.clock.forward(HOUR)
    over = merge | {"until": desk.clock().isoformat()}
    await take_in(database, of_e1(3, COMPLETED), of_e2(3, OWN) | {"ended_merges": [over]})


async def listed(desk: Desk) -> list[tuple[str, str, list[str]]]:
    """(Episode, state, names of the facts) of what merges left, as the worklist has it."""
    answer = await desk.get("/api/worklists/leftovers")
    assert answer.status_code == 200, answer.text
    return [(one["episode_id"], one["state"], one["facts"]) for one in answer.json()["items"]]


async def sound(desk: Desk, database: Database) -> None:
    """Nothing that `verify` checks is broken."""
    async with database.read() as connection:
        assert [one for one in await broken(connection, load(SAMPLE), desk.clock) if "position" not in one.text] == []


@pytest.fixture
async def merged(desk: Desk, database: Database, completed: None) -> dict[str, Any]:
    """Both are one, and somebody called since."""
    await take_in(database, of_e2(1, OWN))
    desk.clock.forward(HOUR)
    merge = await both_are_one(desk, database)
    desk.clock.forward(HOUR)
    answer = await contact(desk, day(1), "no-answer", episode_id="E2")
    assert answer.status_code == 201, answer.text
    return merge


async def test_a_contact_recorded_while_they_were_one_is_listed_once_they_are_two(
    desk: Desk, database: Database, merged: dict[str, Any]
) -> None:
    assert await listed(desk) == []
    await are_two_again(desk, database, merged)
    assert await listed(desk) == [("E2", "open", ["contact-attempted"])]
    await sound(desk, database)


async def test_a_referral_of_either_record_is_not_listed(
    desk: Desk, database: Database, merged: dict[str, Any]
) -> None:
    await move(desk, await a_referral(desk), "received")
    await are_two_again(desk, database, merged)
    assert [names for _, _, names in await listed(desk)] == [["contact-attempted"]]
    await sound(desk, database)


async def test_what_stays_is_listed_no_more(desk: Desk, database: Database, merged: dict[str, Any]) -> None:
    await are_two_again(desk, database, merged)
    [one] = await desk.listed("leftovers", state="open")
    answer = await desk.post(f"/api/leftovers/{one['id']}/stays", {})
    assert (answer.status_code, answer.json().get("state")) == (200, "stays"), answer.text
    assert await listed(desk) == []
    again = await desk.post(f"/api/leftovers/{one['id']}/stays", {})
    assert (again.status_code, again.json()["type"]) == (409, "urn:stepdown:problem:settled")
    await sound(desk, database)


async def test_what_is_the_other_patient_s_is_stated_there_and_here_no_more(
    desk: Desk, database: Database, merged: dict[str, Any]
) -> None:
    await are_two_again(desk, database, merged)
    [one] = await desk.listed("leftovers")
    answer = await desk.post(f"/api/leftovers/{one['id']}/goes-back", {})
    assert answer.status_code == 200, answer.text
    assert [each["episode_id"] for each in await desk.listed("contacts")] == ["E1"]
    assert await listed(desk) == []
    await sound(desk, database)


async def test_a_merge_that_is_said_again_takes_the_list_away_and_gives_it_back(
    desk: Desk, database: Database, merged: dict[str, Any]
) -> None:
    await are_two_again(desk, database, merged)
    before = (await listed(desk), await lists(desk))
    over = merged | {"until": desk.clock().isoformat()}
    await take_in(database, gone(4), of_e2(4, OWN, copied(COMPLETED)))
    assert await listed(desk) == []
    await take_in(database, of_e2(5, OWN) | {"ended_merges": [over]}, of_e1(5, COMPLETED))
    assert (await listed(desk), await lists(desk)) == before
    await sound(desk, database)
