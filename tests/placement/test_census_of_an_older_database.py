"""A database of the first version knows nothing of who is at a program: its migration and its folds tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.checks import broken
from services.placement.programs.census import taken_at
from services.placement.rules import Rules
from services.placement.timers import refold
from services.placement.worklists import views
from shared.clock import SetClock
from shared.facts.envelope import Fact
from shared.storage.database import Database
from tests.builders import a_story, admitted, discharged, transferred
from tests.placement.feeding import Feed

FILLED = import_module("services.placement.migrations.versions.0009_census_filled").OPEN_STAYS
PHP: dict[str, Any] = {"level": "php", "program": "GH-PHP1"}
INPATIENT: dict[str, Any] = {"level": "inpatient", "program": "GH-3W"}


def of(episode: str, *facts: Callable[..., Fact]) -> list[Fact]:
    """An episode's story."""
    return a_story(*(each(episode=episode, patient_id=f"patient-{episode}") for each in facts))


STORIES: dict[str, list[Callable[..., Fact]]] = {
    "by-adt": [lambda **e: admitted("2026-05-01 10:00", **PHP, **e)],
    "left": [
        lambda **e: admitted("2026-05-01 10:00", **PHP, **e),
        lambda **e: discharged("2026-05-02 10:00", level="php", **e),
    ],
    "moved": [
        lambda **e: admitted("2026-05-01 10:00", **INPATIENT, **e),
        lambda **e: transferred("2026-05-02 10:00", to="php", program="GH-PHP1", **e),
    ],
    "suspended": [
        lambda **e: admitted("2026-05-01 10:00", **PHP, **e),
        lambda **e: admitted("2026-05-02 10:00", **INPATIENT, visit="V2", **e),
    ],
    "nowhere": [lambda **e: admitted("2026-05-01 10:00", level="php", **e)],
}
AS_OF_THEN = """
UPDATE episodes AS e SET fold_version = 4, fold = convert_to(jsonb_set(now.fold, '{stays}', (
    SELECT jsonb_agg(stay - 'key' || jsonb_build_object('kind', stay->'key'->0, 'id', stay->'key'->1))
    FROM jsonb_array_elements(now.fold->'stays') AS stay
))::text, 'UTF8')
FROM (SELECT episode_id, convert_from(fold, 'UTF8')::jsonb AS fold FROM episodes) AS now
WHERE now.episode_id = e.episode_id
"""
"""A fold of the first version names a stay by `kind` and `id`, today's by `key`."""
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TRUE = {"GH-PHP1": 2, "GH-3W": 1}


@pytest.fixture
async def older(feed: Feed, database: Database) -> Database:
    """As the first version leaves it, and the tables of this one, empty."""
    for episode, facts in STORIES.items():
        await feed.bring(*of(episode, *facts))
    assert await counted(database) == TRUE
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM program_stays"))
        await connection.execute(sa.text(AS_OF_THEN))
    assert await counted(database) == {}
    return database


async def counted(database: Database) -> dict[str, int]:
    """Program → seats taken on 4 May."""
    async with database.read() as connection:
        places = await views.places(connection, ["GH-PHP1", "GH-3W"], NOW, NOW)
    return {program: taken_at(found, NOW) for program, found in places.items()}


async def test_the_migration_counts_who_is_there_before_anything_is_folded(older: Database) -> None:
    async with older.begin() as connection:
        await connection.execute(sa.text(FILLED))
    assert await counted(older) == TRUE


@pytest.mark.parametrize("migrated", [True, False])
async def test_folding_anew_puts_the_whole_truth_in_its_place(
    older: Database, rules: Rules, clock: SetClock, ids: Callable[[], str], *, migrated: bool
) -> None:
    if migrated:
        async with older.begin() as connection:
            await connection.execute(sa.text(FILLED))
    assert await refold(older, rules, clock=clock, ids=ids) == len(STORIES)
    assert await counted(older) == TRUE
    found = [str(one) async for one in broken(older, rules)]
    assert [one for one in found if "outbox" not in one] == []
