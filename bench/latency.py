"""From a discharge on the wire to the closed service period in a billing consumer, and how many a second it bears.

The whole system runs, and has had two minutes of traffic: until then the broker's JVM compiles itself, which takes more
CPU than all services. Messages are sent when they are due, whether those before were answered or not, so that a pause
of the system counts for all that were due in it; the time begins when a message was due.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from itertools import count

import orjson

from bench.asked import Asked
from bench.messages import message, visit
from bench.report import Report, at_least, at_most, row
from bench.sizes import WARMING_SECONDS
from bench.stage import Stage, staged
from services.intake.hl7.frames import framed
from shared.errors import StepdownError
from shared.messaging.reading import Reading, reading
from shared.settings import load
from shared.site import config
from tools.stack import SERVICES
from tools.verify import verify

BROKERS = ("apache", "embedded")
LIMITS = (
    "Two transactions with fsync, two Kafka transactions and two polls lie between; three services, broker and "
    "database share two cores, and above what these bear a message waits for the batch before it."
)
TRIED = (
    "Half the round trips in intake and placement, a relay that reads and forgets in one each and sends whole "
    "batches, an `up` whose consumers have groups of their own: at 100/s about half of the time before (decisions "
    "0141, 0142). What is committed while the relay sends is gathered for 20 ms from the pass before (decision "
    "0222). A pause between batches of a consumer: no gain, batches pace themselves."
)
GOALS = {10: 80.0, 100: 200.0}
"""Messages a second → milliseconds that 99 of 100 discharges may take."""
STEPS = (100, 200, 300, 400, 500)
IN_TIME, HIGHEST = 1000.0, 300
"""Milliseconds for 99 of 100 at the highest rate that counts; messages a second that it should be."""
WARMING_RATE = 100
FEW, MANY = 10, 3
"""At 10 messages a second it is measured three times as long, else its p99 were one message's."""
BORNE = "highest rate with p99 under 1 s"
BILLED = "billing.service-periods"
LINES = 20
BETWEEN = 1.0  # seconds from a patient's admission to the discharge, on the wire
_numbers = count(1)


async def measure(asked: Asked, report: Report) -> None:
    """Warm up; then both rates, then step up, on one stage."""
    p50: dict[int, list[float]] = defaultdict(list)
    p99: dict[int, list[float]] = defaultdict(list)
    highest: list[float] = []
    async with staged(asked.broker) as stage:
        report.broker = stage.broker
        await stage.begin(*SERVICES)
        await _at(stage, WARMING_RATE, asked.size if asked.quick else WARMING_SECONDS)
        for _ in range(asked.runs):
            for rate in GOALS:
                took = await _at(stage, rate, asked.size * (MANY if rate <= FEW else 1))
                p50[rate].append(_of_a_hundred(took, 50))
                p99[rate].append(_of_a_hundred(took, 99))
                asked.say(f"{rate}/s: p99 {p99[rate][-1]:.0f} ms")
            highest.append(await _stepped_up(stage, asked))
        await _verified(stage)
    for rate, aim in GOALS.items():
        size = f"{asked.size * (MANY if rate <= FEW else 1)} s"
        report.rows.append(row(f"{rate} messages/s, median", "ms", p50[rate], size=size))
        report.rows.append(row(f"{rate} messages/s, p99", "ms", p99[rate], size=size))
        report.goals.append(at_most(f"{rate} messages/s: p99 ≤ {aim:g} ms", report.rows[-1].value, aim))
    report.rows.append(row(BORNE, "messages/s", highest, size=f"{', '.join(map(str, STEPS))}/s, {asked.size} s each"))
    report.goals.append(at_least(f"{BORNE}: ≥ {HIGHEST}/s", report.rows[-1].value, HIGHEST))


async def _stepped_up(stage: Stage, asked: Asked) -> float:
    """The last rate of STEPS at which 99 of 100 were in time; 0 where not even the first was."""
    borne = 0
    for rate in STEPS:
        p99 = _of_a_hundred(await _at(stage, rate, asked.size), 99)
        asked.say(f"stepping up, {rate}/s: p99 {p99:.0f} ms")
        if p99 >= IN_TIME:
            break
        borne = rate
    return float(borne)


def _of_a_hundred(took: list[float], percent: int) -> float:
    """Milliseconds within which so many percent were done."""
    return 1000 * sorted(took)[min(len(took) * percent // 100, len(took) - 1)]


async def _at(stage: Stage, rate: int, seconds: int) -> list[float]:
    """Half of the messages admit, the others discharge who came a second ago; seconds until each is billed."""
    admitted = [next(_numbers) for _ in range(max(rate * seconds // 2, 1))]
    due: dict[str, float] = {}
    begin = time.perf_counter() + 0.3
    plan = [(begin + 2 * n / rate, "A01", who) for n, who in enumerate(admitted)]
    plan += [(begin + BETWEEN + (2 * n + 1) / rate, "A03", who) for n, who in enumerate(admitted)]
    async with reading(load(kafka=stage.kafka).kafka_client()) as billed:
        await billed.begin([BILLED], at_the_end=True)
        waiting = asyncio.create_task(_billed(billed, {visit(who) for who in admitted}))
        await _sent(stage.system.doors["MLLP"], sorted(plan), due)
        closed = await waiting
    return [closed[name] - due[name] for name in due]


async def _sent(port: int, plan: list[tuple[float, str, int]], due: dict[str, float]) -> None:
    """Each message when it is due, a patient's all on one connection."""
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(LINES)]
    heard = [asyncio.create_task(_drained(reader)) for reader, _ in lines]
    for at, trigger, who in plan:
        await asyncio.sleep(max(at - time.perf_counter(), 0))
        lines[who % LINES][1].write(framed(message(trigger, who)))
        if trigger == "A03":
            due[visit(who)] = at
    await asyncio.sleep(0.5)
    for _, writer in lines:
        writer.write_eof()
    await asyncio.gather(*heard)
    for _, writer in lines:
        writer.close()


async def _drained(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _billed(billed: Reading, wanted: set[str]) -> dict[str, float]:
    """Visit → when its closed period was there."""
    closed: dict[str, float] = {}
    end = time.monotonic() + 300
    while len(closed) < len(wanted):
        for record in await billed.batch(200):
            if dict(record.headers)["ce_type"] == b"billing.service-period-closed.v1":
                closed.setdefault(orjson.loads(record.value)["visit_number"], time.perf_counter())
        if time.monotonic() > end:
            raise StepdownError(f"{len(wanted) - len(closed)} of {len(wanted)} periods were not closed in 300 s")
    return closed


async def _verified(stage: Stage) -> None:
    """Contract 5, all of it. Raises StepdownError: figures are void."""
    settings = load(kafka=stage.kafka, data=stage.data)
    told = await verify({name: stage.url(name) for name in SERVICES}, settings, config.load(None), settle=60)
    if not told.ok:
        raise StepdownError("`verify` does not hold after this")
