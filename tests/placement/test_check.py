"""What `verify` finds in placement's database: nothing where all is well, and each thing that was broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from services.placement.checks import broken
from services.placement.rules import Rules, rules_of
from services.placement.timers import refold
from shared.clock import SetClock
from shared.site.config import Site
from shared.storage.database import Database
from tests.builders import a_story, admitted, discharged, of_episode, transferred
from tests.placement.feeding import Feed


@pytest.fixture
async def seven(feed: Feed) -> Feed:
    """Seven episodes, nothing in the outbox."""
    for number in range(7):
        there = (admitted(program="GH-3W"), transferred("2026-03-05 09:00", program="GH-RES"), discharged())
        story = a_story(*there[: 1 + number % 3])
        episode = f"episode-{number}"
        await feed.bring(*(replace(of_episode(episode, f), id=f"{f.id}-{number}") for f in story))
    await feed.relayed()
    return feed


async def found(database: Database, rules: Rules) -> list[str]:
    return [str(one) async for one in broken(database, rules, page=3)]


async def test_a_database_that_was_left_alone_is_whole(seven: Feed, database: Database, rules: Rules) -> None:
    assert await found(database, rules) == []


ANOTHERS_FOLD = """UPDATE episodes SET fold = (SELECT fold FROM episodes WHERE episode_id = 'episode-3')
WHERE episode_id = 'episode-2'"""
POSITION = "INSERT INTO positions (consumer, topic, partition, next_offset, received, {}) VALUES ({})"
HERE = "'placement.care.events', 'care.events', 3, 9, 9"
MISCOUNTED = (
    "position placement.care.events/care.events/3: received is not applied + repeated + ignored + waiting + dead"
)
NOT_PARKED = "consumer placement.care.events: other facts are parked than are counted as waiting"
TOO_MANY = """INSERT INTO seats (episode_id, seat_id, program, during)
SELECT 'episode-1', 'seat-' || n, 'GH-DETOX', tstzrange('2026-03-01', NULL)
FROM generate_series(1, 11) AS n"""
GAP = "the facts of {} are not 1 to the last one seen, without a gap"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (ANOTHERS_FOLD, "episode episode-2: the stored state is not what its facts come to"),
        (
            "UPDATE episodes SET state = 'closed' WHERE episode_id = 'episode-4'",
            "episode episode-4: the columns of lists differ from the state",
        ),
        (
            "UPDATE episodes SET announced = '[]' WHERE episode_id = 'episode-1'",
            "episode episode-1: what stands announced is not what should be",
        ),
        (
            "UPDATE periods SET voided = true WHERE episode_id = 'episode-6'",
            "episode episode-6: the latest service periods are not what the facts come to",
        ),
        ("DELETE FROM facts WHERE episode_id = 'episode-0'", f"episode episode-0: {GAP.format('intake')}"),
        (
            "UPDATE facts SET sequence = 7 WHERE episode_id = 'episode-5' AND writer = 'placement' AND sequence = 1",
            f"episode episode-5: {GAP.format('placement')}",
        ),
        (
            "UPDATE episodes SET fold_version = 0 WHERE episode_id = 'episode-5'",
            "episode episode-5: an older fold made it; it waits to be folded anew",
        ),
        (
            "DELETE FROM program_stays WHERE episode_id = 'episode-1'",
            "episode episode-1: where its stays are is not what the census counts",
        ),
        (
            "UPDATE program_stays SET until = '2026-03-03' WHERE episode_id = 'episode-0'",
            "episode episode-0: where its stays are is not what the census counts",
        ),
        (TOO_MANY, "episode episode-1: its claims on seats are not what the facts say"),
        (
            "DELETE FROM entries WHERE episode_id = 'episode-2'",
            "episode episode-2: what the desk's lists show is not what the facts come to",
        ),
        (
            "UPDATE episodes SET desk = false WHERE episode_id = 'episode-2'",
            "episode episode-2: it has facts of the desk, and its row does not say so",
        ),
        ("INSERT INTO outbox (topic, key, headers) VALUES ('care.events', '', '[]')", "outbox: 1 records wait"),
        (POSITION.format("applied", f"{HERE}, 8"), MISCOUNTED),
        (POSITION.format("waiting", f"{HERE}, 9"), NOT_PARKED),
    ],
)
async def test_whatever_is_broken_is_named(
    seven: Feed, database: Database, rules: Rules, damage: str, said: str
) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text(damage))
    assert said in await found(database, rules)


async def test_rows_of_an_older_fold_are_folded_anew_in_the_background(
    seven: Feed, database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE episodes SET fold_version = 0, fold = 'old', announced = '[]'"))
        await connection.execute(sa.text("DELETE FROM periods WHERE episode_id = 'episode-0'"))
        await connection.execute(sa.text("DELETE FROM program_stays"))
    assert await refold(database, rules, clock=clock, ids=ids, at_once=3) == 7
    told = [one.fact.name for one in await seven.relayed()]
    assert (told.count("episode"), told.count("service-period-opened"), told.count("stepped-down")) == (7, 2, 4)
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    assert await found(database, rules) == []
    assert await refold(database, rules, clock=clock, ids=ids) == 0


async def test_another_site_config_mends_what_was_told_by_the_one_before(
    seven: Feed, database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> None:
    npi = "1234567893"
    raw = rules.site.model_dump(by_alias=True)
    raw["programs"] = [{**each, "npi": npi} for each in raw["programs"]]
    raw["facilities"] = [{**each, "npi": npi} for each in raw["facilities"]]
    other = rules_of(Site.model_validate(raw))
    wrong = await found(database, other)
    assert [one for one in wrong if "told by another site config" in one] == wrong
    assert len(wrong) == 7
    assert await refold(database, other, clock=clock, ids=ids, at_once=3) == 7
    told = [one.fact for one in await seven.relayed()]
    amended = [fact for fact in told if fact.name == "service-period-amended"]
    assert amended
    assert {fact.as_json["program"]["npi"] for fact in amended} == {npi}
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM outbox"))
    assert await found(database, other) == []
    assert await refold(database, other, clock=clock, ids=ids) == 0
