"""What the three services cost when nothing happens: milliseconds of CPU a second, each on its own."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from bench.asked import Asked
from bench.report import Report, at_most, row
from bench.stage import staged
from tools.stack import SERVICES

BROKERS = ("apache", "embedded")
LIMITS = "Each consumer asks the broker, each relay and timer its database, and each loop wakes for it."
TRIED = (
    "What an operator asks is one statement a second and service, and the lane of long visits is looked into when "
    "something is committed: 44 ms → 30, in turns on one machine."
)
SETTLE = 10.0
"""Seconds that pass first: a service that just began still imports, plans and joins its groups."""
SUM = "all three services"
GOAL = 50.0  # milliseconds a second


async def measure(asked: Asked, report: Report) -> None:
    """So many seconds at rest, again and again, on one stage."""
    found: dict[str, list[float]] = defaultdict(list)
    async with staged(asked.broker) as stage:
        report.broker = stage.broker
        await stage.begin(*SERVICES)
        await asyncio.sleep(1 if asked.quick else SETTLE)
        for _ in range(asked.runs):
            began, before = time.monotonic(), {name: stage.cpu(name) for name in SERVICES}
            await asyncio.sleep(asked.size)
            seconds = time.monotonic() - began
            for name in SERVICES:
                found[name].append(1000 * (stage.cpu(name) - before[name]) / seconds)
            found[SUM].append(sum(found[name][-1] for name in SERVICES))
            asked.say(f"{SUM}: {found[SUM][-1]:.0f} ms of CPU a second")
        await stage.checked("intake", "placement")
    for name, each in found.items():
        report.rows.append(row(name, "ms of CPU a second", each, size=f"{asked.size} s at rest"))
    report.goals.append(at_most(f"{SUM}: ≤ {GOAL:g} ms of CPU a second", report.rows[-1].value, GOAL))
