"""However the documents of merged patients come, and however often, aftercare ends alike, and all that `verify` checks
holds after each (contract 3.6 rules 8 and 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from services.aftercare.checks import broken
from services.aftercare.tables import METADATA
from shared.storage.database import Database
from tests.aftercare.builders import LEFT, day, inpatient
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import contact
from tests.aftercare.desk.test_merges import INTO, copied, gone, of_e1, of_e2
from tests.aftercare.test_handlers import SITE, take_in
from tests.databases import empty

THEIRS = [inpatient(to=LEFT - timedelta(days=20), id="W1"), COMPLETED]
"""E1's stays."""
NEEDED = {
    "needs_referred": [{"need": "housing", "search_id": "S1", "facility": "GOODHEALTH", "since": LEFT.isoformat()}]
}
"""What E1's search needs and a referral answers."""
OWN = inpatient(to=LEFT - timedelta(days=1), id="V9")
"""E2's stay, of which a follow-up is due."""
LISTS = ("plans", "referrals", "follow-ups", "contacts", "appointments", "risks", "leftovers")
NAMES = {"id", "episode_id", "patient_id", "plan_id", "referral_id", "follow_up_id", "discharge", "trigger", "by_fact"}
NAMES |= {"referrals", "appointment_id", "instead_of", "kept_by"}
"""Fields that hold ids."""
EVERY = (*METADATA.tables, "outbox")
"""Aftercare's tables, and what is on its way."""
Document = dict[str, Any]
Act = Callable[[Desk], Awaitable[object]]


def without_ids(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: without_ids(each) for name, each in told.items() if name not in NAMES}
    return [without_ids(each) for each in told] if isinstance(told, list) else told


async def outcome(desk: Desk) -> dict[str, list[tuple[str, str]]]:
    """What each list has, of which episode, without ids."""
    return {
        name: sorted((one["episode_id"], str(without_ids(one))) for one in await desk.listed(name)) for name in LISTS
    }


async def sound(desk: Desk, database: Database) -> None:
    async with database.read() as connection:
        assert [str(one) for one in await broken(connection, SITE, desk.clock)] == []


async def called(desk: Desk, episode: str, on: int, outcome: str) -> None:
    await contact(desk, day(on), outcome, episode_id=episode)


async def referred(desk: Desk, number: int, *moves: str) -> None:
    """The so manieth open referral, in an order that every run has, is moved on."""
    found = sorted(await desk.listed("referrals"), key=lambda one: (one["kind"], one["referred_at"]))
    if found:
        one = found[number % len(found)]
        for each in moves:
            body = {"reason": "no-capacity"} if each == "declined" else {}
            await desk.post(f"/api/referrals/{one['id']}/{each}", body)


async def excluded(desk: Desk, number: int) -> None:
    found = sorted(await desk.listed("follow-ups"), key=lambda one: (one["measure"], one["due_to"]))
    one = found[number % len(found)]
    await desk.post(f"/api/follow-ups/{one['follow_up_id']}/excluded", {"reason": "not-eligible"})


async def appointed(desk: Desk, episode: str, on: int) -> None:
    await desk.post("/api/appointments", {"episode_id": episode, "at": day(on).isoformat(), "mode": "phone"})


def acts(chance: Random, *episodes: str) -> list[Act]:
    """A few things that people do."""
    found: list[Act] = []
    for _ in range(chance.randint(1, 4)):
        episode, number = chance.choice(episodes), chance.randint(0, 9)
        on, how = chance.choice((1, 2)), chance.choice(("no-answer", "reached", "message-left"))
        move = chance.choice((("received",), ("received", "accepted"), ("declined",)))
        found.append(
            chance.choice(
                (
                    lambda desk, e=episode, o=on, h=how: called(desk, e, o, h),
                    lambda desk, n=number, m=move: referred(desk, n, *m),
                    lambda desk, n=number: excluded(desk, n),
                    lambda desk, e=episode, n=number: appointed(desk, e, 4 + n),
                )
            )
        )
    return found


def rounds(versions: Iterator[int], turns: int, over: Sequence[Document]) -> list[tuple[Document, Document]]:
    """(E1, E2) after each turn, merged and taken apart in turn. `over`: merges that ended before."""
    more = {"ended_merges": list(over)} if over else {}
    found = []
    for turn in range(turns):
        version = next(versions)
        if turn % 2 == 0:
            found.append((gone(version), of_e2(version, OWN, *map(copied, THEIRS)) | NEEDED))
        else:
            found.append((of_e1(version, *THEIRS) | NEEDED, of_e2(version, OWN) | more))
    return found


async def bring(
    desk: Desk, database: Database, told: Sequence[tuple[Document, Document]], chance: Random | None
) -> None:
    """These documents in their order, or by chance: each episode's last one comes last, earlier ones in any order, some
    twice, some never, in batches of one or two."""
    if chance is None:
        for both in told:
            await take_in(database, *both)
            await sound(desk, database)
        return
    each_s = zip(*told, strict=True)
    left = [[*chance.sample(each[:-1], chance.randint(0, len(each) - 1)), each[-1]] for each in each_s]
    while left := [each for each in left if each]:
        batch = [chance.choice(left).pop(0)]
        if chance.random() < 0.3 and len(left) > 1 and (other := chance.choice(left)):
            batch.append(other.pop(0))
        if chance.random() < 0.3:
            batch.append(batch[0])
        await take_in(database, *batch)
        await sound(desk, database)


class Played(NamedTuple):
    """What stood after the merge, and at the end; and the last documents of both."""

    merged: dict[str, list[tuple[str, str]]]
    apart: dict[str, list[tuple[str, str]]]
    last: tuple[Document, Document]


async def plays(desk: Desk, database: Database, seed: int, chance: Random | None) -> Played:
    """A story by its seed: what people did, merges, what people did since, merges taken back."""
    story, versions = Random(seed), iter(range(2, 100))
    await take_in(database, of_e1(1, *THEIRS), of_e2(1, OWN))
    for act in acts(story, "E1", "E2"):
        await act(desk)
    await bring(desk, database, rounds(versions, story.choice((1, 3)), ()), chance)
    since = desk.clock()
    merged = await outcome(desk)
    for act in acts(story, "E2"):
        await act(desk)
    until = since + timedelta(hours=1)
    over = [
        {"facility": INTO[0]["facility"], "episode_id": "E1", "since": since.isoformat(), "until": until.isoformat()}
    ]
    apart = rounds(versions, story.choice((2, 4)), over)
    await bring(desk, database, apart, chance)
    return Played(merged, await outcome(desk), apart[-1])


@pytest.mark.parametrize("seed", range(8))
async def test_merges_and_their_ends_come_to_the_same_in_every_order(desk: Desk, database: Database, seed: int) -> None:
    expected = await plays(desk, database, seed, None)
    assert {episode for episode, _ in expected.merged["plans"]} == {"E2"}
    assert {episode for episode, _ in expected.apart["plans"]} == {"E1", "E2"}
    for order in range(2):
        await empty(database, EVERY)
        assert await plays(desk, database, seed, Random(f"{seed}-{order}")) == expected
