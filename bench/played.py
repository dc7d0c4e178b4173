"""A real system with half a year and a morning on it, and one patient with a long story: what `lists` copies from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import asyncpg

from bench.sizes import PLAYED_PATIENTS
from bench.stage import Stage
from shared.clock import system_clock
from shared.messaging.reading import reading
from shared.settings import Settings
from shared.site import config
from tools.mllp_client import MllpClient
from tools.simulator.doors import Doors
from tools.simulator.show import Plan, Steps, play_and_verify
from tools.simulator.somebody import Morning, somebody
from tools.simulator.watch import Watch
from tools.stack import SERVICES, tokens
from tools.stack.access import Access
from tools.stack.ready import Ready

LONG_STORY = 150
"""Facts: a patient admitted, placed, and so many sessions attended."""
ADMITTED = 260
"""Days ago."""


class Long(NamedTuple):
    """Who has the long story."""

    episode_id: str
    patient_id: str


async def played(stage: Stage, say: Callable[[str], None]) -> Long:
    """Start the services, play, and stop them again."""
    await stage.begin(*SERVICES)
    access = _access(stage)
    plan = Plan(PLAYED_PATIENTS, 7, system_clock(), config.load(None), morning=True)
    await play_and_verify(plan, access, Steps(lambda _: None, lambda: None, say))
    say("one long story")
    found = await _a_long_story(access)
    await stage.end(*SERVICES)
    return found


def _access(stage: Stage) -> Access:
    system = stage.system
    intake, placement, aftercare = (f"http://127.0.0.1:{system.doors[name]}" for name in SERVICES)
    mllp, issued = f"127.0.0.1:{system.doors['MLLP']}", tokens.issue(system.folder)
    running = Ready(stage.kafka, mllp, intake, placement, aftercare, tokens=issued)
    return Access(Settings(kafka=stage.kafka), {name: stage.url(name) for name in SERVICES}, running)


async def _a_long_story(access: Access) -> Long:
    ready = access.ready
    assert ready is not None
    doors, watch = Doors({name: getattr(ready, name) for name in SERVICES}, ready.tokens), Watch()
    host, _, port = ready.mllp.rpartition(":")
    client = MllpClient(host, int(port))
    async with reading(access.settings.kafka_client()) as topics:
        await topics.begin(["care.events"], at_the_end=True)
        watching = asyncio.create_task(watch.read(topics))
        try:
            zone = config.load(None).zone("GOODHEALTH")
            morning = Morning(doors, watch, client.send, system_clock() - timedelta(minutes=1), zone, "LONG")
            one = somebody(morning)
            placement = await one.starts(ADMITTED, ADMITTED - 2)
            for day in range(LONG_STORY):
                await one.attends(placement, ADMITTED - 3 - day)
            patient = await _patient(access.urls["placement"], one.episode_id)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await client.close()
            doors.close()
    return Long(one.episode_id, patient)


async def _patient(url: str, episode_id: str) -> str:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        return str(await connection.fetchval("SELECT patient_id FROM episodes WHERE episode_id = $1", episode_id))
    finally:
        await connection.close()
