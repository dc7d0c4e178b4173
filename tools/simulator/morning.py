"""This morning's work, played on a running system with today's days, and left half done: so that every list of both
desks has somebody in it when a person looks.

A dozen patients of its own, told over MLLP and at the desks as any others are; nothing is written past the doors.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, tzinfo

from tools.mllp_client import MllpClient
from tools.simulator.care_scenes import OF_CARE
from tools.simulator.doors import Doors
from tools.simulator.record_scenes import OF_RECORDS
from tools.simulator.somebody import DAY_PROGRAM, PROGRAM, Morning, somebody
from tools.simulator.watch import Watch


async def play_morning(doors: Doors, watch: Watch, mllp: str, now: datetime, zone: tzinfo) -> None:
    """Play all of it; some seconds. `mllp`: host:port. Raises Refused, Transient."""
    host, _, port = mllp.rpartition(":")
    client, turn = MllpClient(host, int(port)), asyncio.Lock()

    async def send(raw: bytes) -> None:
        async with turn:
            await client.send(raw)

    morning = Morning(doors, watch, send, now, zone, f"D{int(now.timestamp()) // 60 % 10**7}")
    try:
        await _tells_of_its_seats(morning)
        for scene in (*OF_CARE, *OF_RECORDS):
            await scene(somebody(morning))
    finally:
        await client.close()


async def _tells_of_its_seats(morning: Morning) -> None:
    """The day program is short of staff for two of its seats until the day after tomorrow, and expects one to come
    free."""
    told = {"out_of_use": [{"seats": 2, "from": morning.day(1), "to": morning.day(-2), "reason": "staff"}]}
    path, free = f"/api/programs/{DAY_PROGRAM}/capacity", [{"on": morning.day(-3), "seats": 1}]
    await morning.doors.put("placement", path, {**told, "expected_free": free}, PROGRAM)
