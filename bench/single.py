"""One fact a transaction, through placement's handlers: what a fact costs that comes alone; no broker between."""

from __future__ import annotations

import time
from itertools import islice
from typing import NamedTuple

from bench import facts
from bench.feed import Feed
from shared.facts.envelope import Fact, from_record

LENGTH = 10
WARM = 100
"""So many facts go before."""


class Single(NamedTuple):
    """Of one fact, the mean of many: milliseconds by the clock, commit included; microseconds of this process's CPU."""

    wall: float
    cpu: float


async def one_by_one(feed: Feed, number: int, run: int) -> Single:
    """So many facts of episodes of ten, mixed; what the relay would do is not in it."""
    first = run * number
    made = facts.records(LENGTH, -(-(WARM + number) // LENGTH), seed=run, first=first)
    told = [from_record(one.value, one.headers) for one in islice(made, WARM + number)]
    await _brought(feed, told[:WARM])
    return await _brought(feed, told[WARM:])


async def _brought(feed: Feed, told: list[Fact]) -> Single:
    wall = cpu = 0.0
    for one in told:
        began = time.process_time()
        wall += await feed.bring([one])
        cpu += time.process_time() - began
        await feed.relayed()
    return Single(1e3 * wall / len(told), 1e6 * cpu / len(told))
