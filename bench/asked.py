"""What a benchmark is asked for, and how one is run from its name; the benchmarks themselves are beside this."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from bench import machine
from bench.report import Report
from bench.sizes import SIZES
from bench.stage import DATABASE


@dataclass(frozen=True)
class Asked:
    """How much (sizes.py says of what), how often, on `apache` or the `embedded` broker; `say` hears of progress."""

    size: int
    runs: int
    broker: str
    quick: bool
    say: Callable[[str], None]


class Benchmark(Protocol):
    """A module of this package that measures."""

    BROKERS: tuple[str, ...]
    """Those that it can run on, the usual one first."""
    LIMITS: str
    TRIED: str
    """What was done for goals that are not met, with ratios measured back to back."""
    measure: Callable[[Asked, Report], Awaitable[None]]


def benchmark(name: str) -> Benchmark:
    """By its name in SIZES."""
    return cast("Benchmark", importlib.import_module(f"bench.{name}"))


async def run(
    name: str,
    *,
    size: int | None = None,
    runs: int | None = None,
    broker: str | None = None,
    quick: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run one benchmark; what is not given is as in SIZES. Raises SetUpError where it can't run on this machine."""
    usual, module = SIZES[name], benchmark(name)
    asked = Asked(
        size or (usual.quick if quick else usual.usual), runs or (1 if quick else usual.runs),
        broker or module.BROKERS[0], quick, say,
    )  # fmt: skip
    report = Report(
        bench=name,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.machine(),
        versions=machine.versions(),
        broker=asked.broker,
        database=DATABASE,
        runs=asked.runs,
        limits=module.LIMITS,
        tried=module.TRIED,
    )
    await module.measure(asked, report)
    return report
