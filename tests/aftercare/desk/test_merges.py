"""Two patients become one, and two again: windows, plans, referrals, contacts and what people decided (contract 3.6
rule 11)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.messaging.outbox import stored
from shared.storage.database import Database
from tests.aftercare.builders import day, document, inpatient
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.test_handlers import take_in

INTO = [{"facility": COMPLETED["facility"], "episode_id": "E2", "patient_id": "P2"}]


def of_e1(version: int, *stays: dict[str, Any]) -> dict[str, Any]:
    """E1 as it is by itself."""
    return document(*stays, version=version)


def gone(version: int) -> dict[str, Any]:
    """E1, merged into E2."""
    return document(version=version, state="closed", merged_into=INTO)


def copied(stay: dict[str, Any]) -> dict[str, Any]:
    """The stay as E2 has it: the fact that ended it is a copy."""
    name = stay["ended_by"]["ce_id"]
    ended = stay["ended_by"] | {"ce_id": f"{name}-copy", "copy_of": name}
    return stay | {"begun_by": f"{stay['begun_by']}-copy", "ended_by": ended}


def of_e2(version: int, *stays: dict[str, Any]) -> dict[str, Any]:
    """E2, of another patient."""
    return document(*stays, version=version, episode_id="E2", patient_id="P2")


async def lists(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """What is listed of each kind: of which episode, about what, in which state."""
    found = {}
    for name in ("plans", "referrals", "follow-ups", "contacts"):
        rows = await desk.listed(name)
        about = [
            (one["episode_id"], one.get("kind") or one.get("measure") or one.get("template") or one["id"], one["state"])
            for one in rows
        ]
        found[name] = sorted(about, key=str)
    return found


def moved(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The same, of E2."""
    return {name: [("E2", *rest) for _, *rest in rows] for name, rows in found.items()}


ORDERS = [
    pytest.param([[gone(2)], [of_e2(1, copied(COMPLETED))]], id="the retired one's document first"),
    pytest.param([[of_e2(1, copied(COMPLETED))], [gone(2)]], id="the survivor's first"),
    pytest.param([[gone(2), of_e2(1, copied(COMPLETED))]], id="both together"),
    pytest.param([[of_e2(1)], [gone(2)], [gone(2), of_e2(2, copied(COMPLETED))]], id="the survivor's twice"),
]


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize("batches", ORDERS)
async def test_what_people_said_goes_with_the_patient_and_comes_back(
    desk: Desk, database: Database, batches: list[list[dict[str, Any]]]
) -> None:
    await move(desk, await a_referral(desk), "received", "accepted")
    await contact(desk, day(1), "no-answer")
    before = await lists(desk)
    for batch in batches:
        await take_in(database, *batch)
    assert await lists(desk) == moved(before)
    await take_in(database, of_e2(9), of_e1(9, COMPLETED))
    assert await lists(desk) == before


@pytest.mark.usefixtures("completed")
async def test_a_referral_that_was_moved_since_goes_back_as_it_is(desk: Desk, database: Database) -> None:
    await move(desk, await a_referral(desk), "received")
    await take_in(database, gone(2), of_e2(1, copied(COMPLETED)))
    await move(desk, await a_referral(desk), "accepted")
    await take_in(database, of_e1(3, COMPLETED), of_e2(2))
    states = [(r["episode_id"], r["kind"], r["state"]) for r in await desk.listed("referrals")]
    assert ("E1", "outpatient-therapy", "accepted") in states
    assert {episode for episode, _, _ in states} == {"E1"}


async def test_what_a_person_decided_of_a_window_stands_with_the_survivor(desk: Desk, database: Database) -> None:
    await take_in(database, of_e1(1, inpatient()))
    [window, _] = await desk.listed("follow-ups")
    answer = await desk.post(f"/api/follow-ups/{window['follow_up_id']}/excluded", {"reason": "other"})
    assert answer.status_code == 200, answer.text
    before = await lists(desk)
    await take_in(database, gone(2), of_e2(1, copied(inpatient())))
    assert (await lists(desk))["follow-ups"] == moved(before)["follow-ups"]
    await take_in(database, of_e2(2), of_e1(3, inpatient()))
    assert (await lists(desk))["follow-ups"] == before["follow-ups"]


@pytest.mark.usefixtures("completed")
async def test_a_copy_names_its_original_and_no_call_is_due_twice(desk: Desk, database: Database) -> None:
    await contact(desk, day(1), "no-answer")
    await take_in(database, gone(2), of_e2(1, copied(COMPLETED)))
    assert [one["episode_id"] for one in await desk.listed("plans", state="active")] == ["E2"]
    assert [one["episode_id"] for one in await desk.listed("contacts")] == ["E2"]
    async with database.read() as connection:
        told = [dict(one.headers) for one in await stored(connection)]
    [first, copy] = [one for one in told if one["ce_type"] == b"care.contact-attempted.v1"]
    assert (copy["ce_copyof"], copy["ce_subject"], "ce_copyof" in first) == (first["ce_id"], b"E2", False)


@pytest.mark.usefixtures("completed")
async def test_nobody_acts_on_a_record_that_is_another_patient_s(desk: Desk, database: Database) -> None:
    await take_in(database, gone(2), of_e2(1, copied(COMPLETED)))
    answer = await contact(desk, day(1), "reached")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:merged")
    assert answer.json()["possible"] == ["E2"]
