"""What open pages cost: CPU and memory of the three services without any and with a hundred, at rest and while
messages come.

A page is a client of placement's and one of aftercare's stream (GET /live), each of another person; it reads and asks
for nothing. Pages of browsers ask for their lists as well, which is the cost of a list (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import jwt

from bench.asked import Asked
from bench.messages import message
from bench.report import Report, at_most, row
from bench.stage import Stage, staged
from services.intake.hl7.frames import framed
from shared.errors import StepdownError
from shared.web.auth import AUDIENCE, DEV_ISSUER, dev_key
from tools.stack import SERVICES

BROKERS = ("apache", "embedded")
LIMITS = "Each event is written to each page that may hear of it, by one process in Python: so many writes a second."
TRIED = "Changes are narrowed once for all readers with the same rights, and collected for half a second a page."
PAGES, RATE = 100, 20
"""Open pages; messages a second."""
DESKS = ("placement", "aftercare")
SETTLE = 10.0
"""Seconds that pass before it is measured: services import, plan and join their groups; then pages begin to listen."""
MORE, MORE_MIB = 150.0, 50.0
"""What the pages may take more: milliseconds of CPU a second, and MiB of memory, of all services together."""
_numbers = count(1)


class Taken(NamedTuple):
    """Of all services: milliseconds of CPU a second, MiB of memory at the end; and events a page heard a second."""

    cpu: float
    memory: float
    events: float


async def measure(asked: Asked, report: Report) -> None:
    """Without pages and with them, at rest and while messages come, again and again on one stage."""
    found: dict[tuple[int, int], list[Taken]] = defaultdict(list)
    async with staged(asked.broker) as stage:
        report.broker = stage.broker
        await stage.begin(*SERVICES)
        await _sent(stage, RATE, 1 if asked.quick else SETTLE)
        for _ in range(asked.runs):
            for pages in (0, PAGES):
                async with _open(stage, pages) as heard:
                    await asyncio.sleep(1 if asked.quick else SETTLE)
                    for rate in (0, RATE):
                        taken = await _taken(stage, rate, asked.size, heard)
                        found[pages, rate].append(taken)
                        asked.say(f"{pages} pages, {rate} messages/s: {taken.cpu:.0f} ms of CPU a second")
        await stage.checked("intake", "placement")
    _rows(asked, report, found)


def _rows(asked: Asked, report: Report, found: dict[tuple[int, int], list[Taken]]) -> None:
    for (pages, rate), each in sorted(found.items()):
        name = f"{pages} pages, {f'{rate} messages/s' if rate else 'at rest'}"
        size = f"{asked.size} s"
        report.rows.append(row(f"{name}: all three services", "ms of CPU a second", [t.cpu for t in each], size=size))
        report.rows.append(row(f"{name}: their memory", "MiB", [t.memory for t in each], size=size))
        if pages and rate:
            report.rows.append(row(f"{name}: a stream hears", "events/s", [t.events for t in each], size=size))
    more = [with_.cpu - without.cpu for with_, without in zip(found[PAGES, RATE], found[0, RATE], strict=True)]
    room = [with_.memory - without.memory for with_, without in zip(found[PAGES, RATE], found[0, RATE], strict=True)]
    report.goals.append(
        at_most(f"{PAGES} pages at {RATE} messages/s: ≤ {MORE:g} ms of CPU a second more", max(more), MORE)
    )
    report.goals.append(at_most(f"the same: ≤ {MORE_MIB:g} MiB more", max(room), MORE_MIB))


async def _taken(stage: Stage, rate: int, seconds: int, heard: list[int]) -> Taken:
    began, before, events = time.monotonic(), stage.cpu(*SERVICES), sum(heard)
    await _sent(stage, rate, seconds)
    took = time.monotonic() - began
    cpu = 1000 * (stage.cpu(*SERVICES) - before) / took
    return Taken(cpu, _memory(stage), (sum(heard) - events) / took / max(len(heard), 1))


async def _sent(stage: Stage, rate: int, seconds: float) -> None:
    """So many messages a second for so long, every other a discharge; none: only the time passes."""
    if not rate:
        await asyncio.sleep(seconds)
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.system.doors["MLLP"])
    begin, patients = time.monotonic(), [next(_numbers) for _ in range(max(int(rate * seconds) // 2, 1))]
    for nth, (who, trigger) in enumerate((who, trigger) for who in patients for trigger in ("A01", "A03")):
        await asyncio.sleep(max(begin + nth / rate - time.monotonic(), 0))
        writer.write(framed(message(trigger, who)))
        if b"MSA|AA" not in await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 30):
            raise StepdownError("intake did not take a message")
    writer.close()


@asynccontextmanager
async def _open(stage: Stage, pages: int) -> AsyncIterator[list[int]]:
    """So many pages; how many events each stream has heard so far."""
    heard = [0] * (pages * len(DESKS))
    reading = []
    for place in range(len(heard)):
        desk, person = DESKS[place % len(DESKS)], place // len(DESKS)
        reading.append(asyncio.create_task(_hears(stage.system.doors[desk], _bearer(stage.data, person), heard, place)))
    try:
        yield heard
        if failed := [each for each in reading if each.done()]:
            raise StepdownError(f"{len(failed)} of {len(reading)} streams ended")
    finally:
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _hears(port: int, bearer: str, heard: list[int], place: int) -> None:
    """One stream. Raises StepdownError where it is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /live HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {bearer}\r\n\r\n".encode())
        if b" 200 " not in await reader.readline():
            raise StepdownError("a page was not let in")
        while line := await reader.readline():
            heard[place] += line.startswith((b"event: changed", b"event: refresh"))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _bearer(data: Path, person: int) -> str:
    """The token of one coordinator of all facilities."""
    claims = {"sub": f"coordinator-{person}", "roles": ["coordinator"], "facilities": ["*"]}
    until = datetime.now(UTC) + timedelta(hours=2)
    issued = {**claims, "iss": DEV_ISSUER, "aud": AUDIENCE, "exp": until}
    return jwt.encode(issued, dev_key(data), algorithm="HS256")


def _memory(stage: Stage) -> float:
    """MiB of memory that the services' processes have (VmRSS, proc_pid_status(5))."""
    return sum(_resident(stage.system.supervision.pid(name)) for name in SERVICES) / 1024


def _resident(process: int) -> int:
    told = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    return int(next(line.split()[1] for line in told.splitlines() if line.startswith("VmRSS:")))
