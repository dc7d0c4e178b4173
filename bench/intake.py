"""Intake's Kafka door: HL7 on hospital.adt until the last fact is on care.events; raw messages kept and sealed."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from bench import peers
from bench.asked import Asked
from bench.messages import STORY, story
from bench.producing import produce
from bench.report import Report, at_least, ratios, row
from bench.sizes import PARSED_BY_PEERS
from bench.stage import Stage, at_rest, staged, until
from shared.errors import SetUpError
from shared.facts.envelope import Record
from shared.storage.database import Database
from shared.storage.tables import positions

BROKERS = ("apache", "embedded")
LIMITS = (
    "One Python process parses, seals (AES-256-GCM), derives the visit's facts and writes them, the message, its "
    "acknowledgement and the audit in one transaction for 256 records; its relay sends the facts in the same process."
)
TRIED = (
    "The same as for mllp, with no gain shown here: reading is a third of a message's CPU, deriving its visit a "
    "sixth (decision 0141). Keyed hashes from prepared blocks, patients found without SQLAlchemy, all writes in the "
    "last statement: 0.95 of the CPU in batches of 256, 0.8 in batches of 18. Fewer conversions from bytes to rows: "
    "0.88 of the function calls in batches of 256. Times, diagnoses and components of a message read once each: "
    "reading 145 → 104 µs. The next messages are read while a transaction waits (decision 0225): four fifths of all "
    "reading. Fewer indexes: six of messages and facts are 6 µs of PostgreSQL's CPU a message, too little to lose a "
    "list for."
)
TOPIC, ROW = "hospital.adt", "hospital.adt to care.events"
_BEGUN = sa.select(sa.exists().where(positions.c.topic == TOPIC))
GOAL = 2200.0  # messages a second


class TakenIn(NamedTuple):
    """Messages a second, and microseconds of the service's CPU for each."""

    rate: float
    cpu: float


async def measure(asked: Asked, report: Report) -> None:
    """Each run on a fresh broker and database; then other parsers on some of the same messages."""
    found: list[TakenIn] = []
    theirs: dict[str, list[float]] = defaultdict(list)
    notes: dict[str, None] = {}
    patients = max(asked.size // len(STORY), 1)
    for _ in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            number = produce(stage.kafka, _records(patients))
            found.append(await _taken_in(stage, number))
            await stage.checked("intake")
        asked.say(f"{found[-1].rate:.0f}/s, {found[-1].cpu:.0f} µs of CPU a message")
        try:
            for name, rate in (await _parsed()).items():
                theirs[name].append(rate)
        except SetUpError as why:
            notes[str(why)] = None
    rates = [one.rate for one in found]
    beside = {f"{name}, parsing alone (ceiling)": rate for name, rate in ratios(rates, dict(theirs)).items()}
    size = f"{patients * len(STORY):,} messages of {patients:,} patients"
    report.rows.append(row(ROW, "messages/s", rates, beside=beside, size=size, notes=[*notes]))
    report.rows.append(row(f"{ROW}, CPU of the service", "µs a message", [one.cpu for one in found]))
    report.goals.append(at_least(f"≥ {GOAL:,.0f} messages/s", report.rows[0].value, GOAL))


def _records(patients: int) -> Iterator[Record]:
    for message in story(1, patients):
        key = message.split(b"\rPID|1||", 1)[1].split(b"^", 1)[0]
        yield Record(TOPIC, b"GOODHEALTH|" + key, message, [("content-type", b"x-application/hl7-v2+er7")])


async def _taken_in(stage: Stage, number: int) -> TakenIn:
    """From when intake has its partitions, before it reads, until it received all and everything is on Kafka."""
    async with stage.database("intake") as database:
        starting = asyncio.create_task(stage.begin("intake"))
        began = await until(lambda: _begun(database), "intake")
        before = stage.cpu("intake")
        ended = await until(lambda: at_rest(database, TOPIC, number), "intake")
        cpu = stage.cpu("intake") - before
        await starting
    await stage.end("intake")
    return TakenIn(number / (ended - began), 1e6 * cpu / number)


async def _begun(database: Database) -> bool:
    """Whether intake stored where it begins to read."""
    async with database.read() as connection:
        return bool((await connection.execute(_BEGUN)).scalar())


async def _parsed() -> dict[str, float]:
    """Messages a second that other parsers read, doing nothing else with them."""
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as place:
        path = Path(place) / "messages"
        lines = (message.decode().replace("\r", "\x1e") for message in story(1, PARSED_BY_PEERS // len(STORY)))
        await asyncio.to_thread(path.write_text, "\n".join(lines), "utf-8")
        return await peers.told_by(peers.PARSERS, str(path), str(PARSED_BY_PEERS))
