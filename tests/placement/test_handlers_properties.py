"""Whatever order and batches facts arrive in, the same rows, periods and announcements come of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.placement.checks import broken
from services.placement.continuum import codec
from services.placement.continuum.model import Folded
from services.placement.rules import Rules
from shared.clock import SetClock
from shared.facts.envelope import Fact
from shared.storage.database import Database
from tests.builders import a_story, of_episode
from tests.placement.feeding import Feed
from tests.placement.strategies import stories

Rows = tuple[Folded, dict[str, Any], list[dict[str, Any]], list[Any]]


def from_outside(story: list[Fact]) -> list[Fact]:
    """What placement hears from others, in line; its own facts it states itself."""
    return a_story(*(fact for fact in story if fact.writer != "placement"))


def arrivals(draw: Callable[[Any], Any], story: Sequence[Fact]) -> list[list[Fact]]:
    """All facts in any order, some told again, cut into batches."""
    again = draw(st.lists(st.sampled_from(story), max_size=4))
    order = draw(st.permutations([*story, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=5)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True) if start < end]


async def rows(feed: Feed, episode: str) -> Rows:
    """State, columns, periods and announcements of an episode, without its id."""
    row = await feed.row(episode)
    periods = [{**period, "episode_id": ""} for period in await feed.billed(episode)]
    standing = [(key, name, {**value, "episode_id": ""}) for key, _, name, value in orjson.loads(row.announced)]
    columns = {name: getattr(row, name) for name in ("state", "level", "since", "facility", "ineffective", "conflicts")}
    seen = {writer: last for writer, last in row.seen.items() if writer != "placement"}
    folded = replace(codec.unpacked(row.fold), episode_id="")
    return folded, columns | {"seen": seen}, periods, sorted(standing, key=lambda one: one[0])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories().map(from_outside).filter(bool), st.data())
async def test_any_arrival_ends_in_the_same_rows(
    database: Database, rules: Rules, clock: SetClock, story: list[Fact], data: st.DataObject
) -> None:
    feed = Feed(database, rules, clock, lambda: uuid.uuid4().hex)
    name = uuid.uuid4().hex
    in_order, jumbled = f"{name}-1", f"{name}-2"
    await feed.bring(*(of_episode(in_order, fact) for fact in story))
    batches = arrivals(data.draw, story)
    for batch in batches:
        await feed.bring(*(of_episode(jumbled, fact) for fact in batch))
    assert await rows(feed, jumbled) == await rows(feed, in_order)
    told = sum(map(len, batches))
    own = [one.fact for one in await feed.relayed() if one.topic == "care.events"]
    assert +feed.total == +type(feed.total)({"applied": 2 * len(story), "repeated": told - len(story)})
    assert not own or await feed.bring(*own) == {"repeated": len(own)}
    assert await feed.sent() == []
    assert [what async for what in broken(database, rules)] == []
