"""Every story of this folder, played at once on one running system through its real doors, to the last bill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from shared.events import CARE_FACTS
from shared.site.config import load
from shared.web.auth import dev_key
from tests.journeys.runner import Played, differences, play_all
from tests.journeys.seen import in_words, seen
from tests.journeys.story import Story, read
from tests.system import System
from tools.cli.iti31 import SAMPLE_CODES
from tools.iti31 import play
from tools.iti31.messages import Endpoint
from tools.iti31.ours import Stepdown
from tools.iti31.stories import stories
from tools.stack.access import reach
from tools.verify import verify

pytestmark = pytest.mark.timeout(300)  # one system and every story, also where other tests run beside it
ELSEWHERE: dict[tuple[str, str], str] = {
    ("aftercare", "care.calls-decided.v1"): "needs two facilities: tests/aftercare/test_deaths.py",
    ("placement", "care.transferred.v1"): "may, and does not: from program to program there are two stays",
    ("aftercare", "care.leftover-settled.v1"): "after a merge alone: tests/aftercare/test_leftovers.py",
    ("placement", "care.leftover-settled.v1"): "after a merge alone: tests/placement/desk/test_merges.py",
    ("placement", "care.merge-ended.v1"): "after a merge alone: tests/placement/desk/test_merges.py",
    ("aftercare", "care.assessed.v1"): "may, and does not: intake and placement have doors for assessments",
}
"""(writer, type) that no story has → where it is shown, or why nobody says it."""
STORIES: dict[str, Story] = {path.stem: read(path) for path in sorted(Path(__file__).parent.glob("*.yml"))}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(system: System) -> AsyncIterator[dict[str, Played]]:
    """Every story, played to its end; its doors stay open."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield await play_all(STORIES, system.ready, client, dev_key(system.data))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def table(system: System) -> list[play.Play]:
    """Every story of `stepdown iti31`, played as it is told."""
    return await in_orders(system, {"as told"})


async def in_orders(system: System, orders: set[str]) -> list[play.Play]:
    """Every story of `stepdown iti31`, played in these orders of arrival."""
    host, _, port = system.ready["mllp"].partition(":")
    every = [one for one in play.plays(stories()) if one.order in orders]
    async with Stepdown(host, int(port), system.data) as ours:
        await play.play_all(every, ours, Endpoint(SAMPLE_CODES))
    return every


@pytest.mark.parametrize("name", STORIES)
async def test_a_journey_ends_as_its_story_says(played: dict[str, Played], name: str) -> None:
    assert not played[name].wrong, f"{STORIES[name].title}: {played[name].wrong}"


async def test_the_table_of_adt_events_ends_as_it_must(table: list[play.Play]) -> None:
    assert not {f"{one.story.name}, {one.order}": one.wrong for one in table if one.wrong}


@pytest.mark.slow
async def test_the_table_of_adt_events_ends_as_it_must_in_every_order_of_arrival(system: System) -> None:
    every = await in_orders(system, {"each twice", "other order"})
    assert not {f"{one.story.name}, {one.order}": one.wrong for one in every if one.wrong}


async def test_what_was_promised_holds_after_all_journeys(system: System, played: dict[str, Played]) -> None:
    reached = reach(system.data)
    report = await verify(reached.urls, reached.settings, load(reached.settings.config))
    broken = {number: promise.broken for number, promise in report.promises.items() if promise.count}
    assert report.ok, broken


async def test_billing_reads_the_same_periods_from_its_topic(system: System, played: dict[str, Played]) -> None:
    latest = {}
    for fact in await system.facts("billing.service-periods"):
        latest[fact.subject] = fact
    for name, story in STORIES.items():
        if story.expect.periods is None:
            continue
        own = [f for f in latest.values() if f.as_json["episode_id"] == played[name].play.episode_id]
        told = sorted((f.as_json for f in own if not f.type.endswith("voided.v1")), key=lambda v: str(v["start_date"]))
        assert [in_words(played[name].play, one) for one in told] == story.expect.plain().get("periods"), name


@pytest.mark.usefixtures("played", "table")
async def test_every_type_is_written_by_the_services_that_the_contract_names(system: System) -> None:
    written = {(fact.writer, fact.type) for fact in await system.facts()}
    named = {(writer, kind) for kind, fact in CARE_FACTS.items() for writer in fact.WRITERS}
    assert sorted(written - named) == []
    assert sorted(named - written) == sorted(ELSEWHERE)


async def test_nothing_of_it_changes_any_more_when_all_is_quiet(system: System, played: dict[str, Played]) -> None:
    await system.idle()
    for name, story in STORIES.items():
        wanted = story.expect.plain()
        found = await seen(played[name].play, wanted)
        assert found == wanted, f"{name}: {differences(wanted, found)}"
