"""The MLLP door: stored, then acknowledged; 1, 20 and 200 connections with one message in flight on each."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from bench import peers
from bench.asked import Asked
from bench.report import Report, at_least, at_most, ratios, row
from bench.stage import staged
from bench.wire import PATIENTS_OF_ONE
from shared.errors import SetUpError, StepdownError
from tools.stack.databases import on_database
from tools.stack.folder import ports

BROKERS = ("embedded",)
LIMITS = (
    "One connection waits for one commit with fsync a message; many share commits, and one Python process reads, "
    "seals, derives and writes for all of them. Intake runs alone; the sender takes a part of the second core."
)
TRIED = (
    "Five round trips a message where there were twelve, the next batch read while one commits, cached times and "
    "hashes: 1.3 to 1.4 × as many messages on one connection, 1.1 to 1.2 × on 20 (decision 0141). The 2 ms in "
    "which messages gather cost one connection nothing and save a tenth of CPU on 20. Plans that never "
    "read a whole table gave 3.2, 1.8 and 1.3 ×. Fewer conversions from bytes to rows: 0.94 of the function calls in "
    "batches of 15, with 7.7 requests to the database a batch for 8.8. Times, diagnoses and components of a message "
    "read once each: reading 0.72 of the CPU. A relay that gathers for 20 ms what comes while it sends (decision 0222)."
)
CONNECTIONS = (1, 20, 200)
AT = "20 connections"
"""Where the goals stand."""
WARMING = 2
"""Seconds of traffic that each server has before it is measured."""
HOST = "127.0.0.1"
WIRE = peers.Peer("sender", None, (sys.executable, "-m", "bench.wire"))
_first = count(1, PATIENTS_OF_ONE)
Told = dict[str, float]


async def measure(asked: Asked, report: Report) -> None:
    """Ours and the peers' in turn, on one stage."""
    ours: dict[int, list[Told]] = defaultdict(list)
    theirs: dict[tuple[str, int], list[float]] = defaultdict(list)
    notes: dict[str, None] = {}
    async with staged(asked.broker) as stage:
        report.broker = stage.broker
        spare = on_database(stage.system.admin_url, "postgres")
        await stage.begin("intake")
        await _load(stage.system.doors["MLLP"], CONNECTIONS[1], WARMING)
        for _ in range(asked.runs):
            for number in CONNECTIONS:
                ours[number].append(await _load(stage.system.doors["MLLP"], number, asked.size))
                asked.say(f"{_words(number)}: {ours[number][-1]['count'] / ours[number][-1]['seconds']:.0f}/s")
            for peer, more in ((peers.HAPI, (spare,)), (peers.HAPI_ONLY, ()), (peers.HL7_MLLP, ())):
                for number, told in (await _peer(peer, more, asked.size, notes)).items():
                    theirs[peer.name, number].append(told["count"] / told["seconds"])
        await stage.end("intake")
        await stage.checked("intake")
    for number, runs in ours.items():
        rates = [one["count"] / one["seconds"] for one in runs]
        beside = ratios(rates, {name: found for (name, at), found in theirs.items() if at == number})
        own = list(notes) if number == CONNECTIONS[0] else []
        report.rows.append(row(_words(number), "messages/s", rates, beside=beside, notes=own))
        report.rows.append(row(f"{_words(number)}, p99", "ms", [one["p99"] for one in runs]))
    _goals(report)


def _goals(report: Report) -> None:
    found = {one.name: one for one in report.rows}
    report.goals += [
        at_least(f"{AT}: ≥ 1,000 messages/s", found[AT].value, 1_000),
        at_most(f"{AT}: p99 ≤ 60 ms", found[f"{AT}, p99"].value, 60),
        at_least(f"{AT}: ≥ 1 × {peers.HAPI.name}", found[AT].beside.get(peers.HAPI.name), 1.0),
    ]


def _words(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


async def _load(port: int, connections: int, seconds: int) -> Told:
    """What the sender measured; refusals make it void."""
    told = await peers.told_by(WIRE, HOST, str(port), str(connections), str(seconds), str(next(_first)))
    if told["refused"]:
        raise StepdownError(f"{told['refused']} of {told['count']} messages were refused")
    return told


async def _peer(peer: peers.Peer, more: tuple[str, ...], seconds: int, notes: dict[str, None]) -> dict[int, Told]:
    """The same sender at another server; nothing, and a note, where it can't be had. `more`: what it needs to know."""
    try:
        async with _serving(peer, *more) as port:
            await _load(port, CONNECTIONS[1], WARMING)
            return {number: await _load(port, number, max(seconds // 2, 1)) for number in CONNECTIONS}
    except StepdownError as why:
        notes[str(why)] = None
        return {}


@asynccontextmanager
async def _serving(peer: peers.Peer, *more: str) -> AsyncIterator[int]:
    """A peer's server on a free port, ready."""
    if why := await asyncio.to_thread(peers.missing, peer.kind):
        raise SetUpError(f"{peer.name}: {why}")
    port = ports({peer.name: 0})[peer.name]
    process = await asyncio.create_subprocess_exec(
        *peer.command, *more, str(port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        if not await asyncio.wait_for(process.stdout.readline(), 60):
            raise SetUpError(f"{peer.name}: its server did not begin")
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
