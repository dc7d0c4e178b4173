"""Parts of a running system are killed while a hospital sends to it; all that was acknowledged is there afterwards."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import count

from tests.delivery.load import Answered, deliver_all, feed, patients
from tests.delivery.promises import kept
from tests.system import System
from tests.waiting import until

FIRST = count(0, 10_000)
"""Numbers of the first patient, so that several loads on one system are of different patients."""


async def strike(system: System, what: list[str], pause: float, loading: asyncio.Task[Answered]) -> list[str]:
    """Kill these in turn, each after it was there again, while the load runs; those that were struck."""
    struck = []
    for each in what:
        await asyncio.sleep(pause)
        if loading.done():
            break
        await until(partial(system.kill, each))
        struck.append(each)
    return struck


async def under_load(system: System, number: int, what: list[str], pause: float, rest: float = 60) -> None:
    """So many patients' messages, and these are killed meanwhile; at rest so many seconds after the last message."""
    people = patients(number, next(FIRST))
    messages = feed(people)
    began = time.monotonic()
    loading = asyncio.create_task(deliver_all(system, messages))
    struck = await strike(system, what, pause, loading)
    told = await loading
    seconds = time.monotonic() - began
    assert set(told.codes) == {b"AA"}
    assert len(told.codes) == len(messages)
    await kept(system, people, rest)
    print(
        f"{len(messages)} messages in {seconds:.1f} s ({len(messages) / seconds:.0f}/s), "
        f"killed: {len(struck)}, sent again {told.again} times, all at rest after {time.monotonic() - began:.1f} s"
    )
    assert struck == what, "the load was over before the last was killed"
