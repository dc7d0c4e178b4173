"""Plays stories on one running system, all at once, each through the real doors; says what each came to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx

from tests.journeys.playing import Doors, Play, Refused
from tests.journeys.seen import one_by_one, seen
from tests.journeys.steps import STEPS
from tests.journeys.story import NOW, Expected, Story, Who
from tests.journeys.told import ZONE, Calendar, long_ago
from tests.waiting import until
from tools.mllp_client import MllpClient
from tools.simulator.messages import Person

SETTLES = 40.0
"""Seconds until what a story expects must be so."""


@dataclass(frozen=True)
class Played:
    """What a story came to. `wrong` says which step failed, and how; empty where all of it was played."""

    play: Play
    wrong: str = ""


async def play_all(
    stories: Mapping[str, Story], ready: dict[str, Any], client: httpx.AsyncClient, key: str = ""
) -> dict[str, Played]:
    """Every story at the same time, each with a connection of its own. `key`: the development issuer's."""
    doors = Doors(ready, client, key)
    found = await asyncio.gather(*(_one(name, story, n, doors) for n, (name, story) in enumerate(stories.items(), 1)))
    return dict(zip(stories, found, strict=True))


async def _one(name: str, story: Story, number: int, doors: Doors) -> Played:
    host, _, port = doors.ready["mllp"].rpartition(":")
    today = datetime.now(ZONE).date()
    day_0 = today - timedelta(days=story.days_ago) if story.exactly else long_ago(today, story.days_ago)
    calendar = Calendar(day_0)
    async with MllpClient(host, int(port)) as hospital:
        play = Play(name, _person(story.patient, number), calendar, doors, hospital)
        for turn, (words, told) in enumerate(story.steps, 1):
            try:
                await (_becomes(play, told) if words == NOW else STEPS[words].does(play, told))
            except (AssertionError, Refused) as no:
                return Played(play, f"step {turn}, {words}: {no}")
        wrong = await _settled(play, story.expect)
        return Played(play, wrong)


def _person(who: Who, number: int) -> Person:
    return Person(
        mrn=f"J{number:04d}",
        family=who.family,
        given=who.given,
        born=who.born,
        sex="F",
        payer=who.payer,
        diagnosis=who.diagnosis,
    )


async def _becomes(play: Play, expected: Expected) -> None:
    assert not (wrong := await _settled(play, expected)), wrong


async def _settled(play: Play, expected: Expected) -> str:
    """Wait until it is so; what differs where it never is."""
    wanted = expected.plain()

    async def is_so() -> bool:
        try:
            async for name, found in one_by_one(play, wanted):
                if found != wanted[name]:
                    return False
        except Refused as no:  # not there yet
            if no.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    try:
        await until(is_so, SETTLES, every=0.4)
    except AssertionError:
        return f"not so: {differences(wanted, await seen(play, wanted))}"
    return ""


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What differs, part by part."""
    return "\n".join(
        f"\n{name}\n  wanted {wanted.get(name)}\n  found  {found.get(name)}"
        for name in {**wanted, **found}
        if wanted.get(name) != found.get(name)
    )
