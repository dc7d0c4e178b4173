"""Waiting a little after an empty answer, for brokers that answer an empty fetch at once.

Apache Kafka holds a fetch until there is something or fetch.max.wait.ms is over. The embedded broker answers at once,
so that an idle consumer would ask thousands of times a second. A broker that holds its fetches is not slowed down.
"""

from __future__ import annotations

import asyncio
from typing import Any

SHORTEST, LONGEST = 0.01, 0.04
"""Seconds: the first pause, and the one after a second or two without anything; the most that is added to the way of a
record."""


def be_patient(consumer: Any) -> None:
    """Let this aiokafka consumer pause after an empty answer that came at once. Once for each consumer."""
    fetcher = consumer._fetcher  # noqa: SLF001 - aiokafka has no public place for it
    if getattr(fetcher, "patient", False):
        return
    original = fetcher._proc_fetch_request  # noqa: SLF001
    pause = SHORTEST

    async def patiently(assignment: Any, node_id: Any, request: Any) -> Any:
        nonlocal pause
        began = asyncio.get_running_loop().time()
        brought_something = await original(assignment, node_id, request)
        if brought_something:
            pause = SHORTEST
        elif asyncio.get_running_loop().time() - began < pause:
            try:
                await asyncio.sleep(pause)
            except asyncio.CancelledError:  # the consumer closes; aiokafka's own way to say so is to return
                return False
            pause = min(pause * 1.05, LONGEST)
        return brought_something

    fetcher._proc_fetch_request = patiently  # noqa: SLF001
    fetcher.patient = True
