"""Whether a running system is at rest, and what of it is not: for tests that wait, and for failures to say why."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from shared.errors import StepdownError
from shared.messaging import outbox
from shared.storage.database import Database
from shared.storage.tables import parked, positions, relay_lease
from tests.databases import in_transaction
from tools.stack import SERVICES

if TYPE_CHECKING:
    from tests.system import System

READING = {
    "intake.care.episodes": "care.episodes",
    "placement.care.events": "care.events",
    "placement.gate": "care.events",
    "aftercare.care.episodes": "care.episodes",
}
"""What each consumer reads of what the services write; a consumer's name begins with its service's."""
_PARKED = sa.select(parked.c.consumer, sa.func.count()).group_by(parked.c.consumer)
_IN_LANE = sa.select(positions.c.waiting).where(positions.c.topic == "hospital.adt", positions.c.waiting > 0)
_LEASE = sa.select(relay_lease.c.holder, sa.extract("epoch", relay_lease.c.until - sa.func.now())).where(
    relay_lease.c.name == "relay"
)


async def under_way(system: System) -> list[str]:
    """What is not at rest: records in outboxes, and consumers that have not received all of their topic."""
    waiting, received = [], {}
    for service in SERVICES:
        async with system.database(service) as database:
            async with database.read() as connection:
                unsent = await outbox.unsent(connection)
            waiting += [f"{service}'s outbox: {number} for {topic}" for topic, number in unsent.items()]
            waiting += [f"{number} records in the lane of long visits" for (number,) in await _rows(database, _IN_LANE)]
            for consumer in READING:
                if consumer.startswith(f"{service}."):
                    received[consumer] = await _received(database, consumer)
    for topic in () if waiting else sorted(set(READING.values())):
        waiting += [f"{topic}/{partition} in a transaction" for partition in await in_transaction(system.kafka, topic)]
    if waiting:
        return waiting
    ends = {topic: await _ends(system, topic) for topic in set(READING.values())}
    return [
        f"{name} of {topic}/{partition}: received up to {received[name].get(partition)}, the last is {end}"
        for name, topic in READING.items()
        for partition, end in sorted(ends[topic].items())
        if received[name].get(partition) != end
    ]


async def _received(database: Database, consumer: str) -> dict[int, int]:
    query = sa.select(positions.c.partition, positions.c.last_offset).where(positions.c.consumer == consumer)
    return {partition: last for partition, last in await _rows(database, query) if last >= 0}


async def _ends(system: System, topic: str) -> dict[int, int]:
    return {record.partition: record.offset for record in await system.records(topic)}


async def _rows(database: Database, query: sa.Select[Any]) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(query)).all())


async def told(system: System, lines: int = 12) -> str:
    """Everything that shows why a system does not come to rest: it names counts, places and log events, no content."""
    found = []
    for name in SERVICES:
        found.append(f"{name} (process {system.service_pid(name)}): {_ready(system, name)}")
        found += [f"  {each}" for each in await _inside(system, name)]
        found += [f"  log: {line}" for line in _logged(system, name, lines)]
    found += [f"up: {line}" for line in _text(system.said).splitlines()[-lines:]]
    return "\n".join(found)


async def _inside(system: System, name: str) -> list[str]:
    try:
        async with system.database(name) as database:
            lease = [f"relay lease of {who[:6]} for {left:.1f} s" for who, left in await _rows(database, _LEASE)]
            return [*lease, *(f"{number} parked by {who}" for who, number in await _rows(database, _PARKED))]
    except StepdownError as fault:
        return [str(fault)]


def _ready(system: System, name: str) -> str:
    """What /health/ready answers."""
    connection = http.client.HTTPConnection(system.ready[name].removeprefix("http://"), timeout=3)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return f"{answer.status} {answer.read(500).decode()}"
    except (OSError, http.client.HTTPException) as fault:
        return f"no answer ({type(fault).__name__})"
    finally:
        connection.close()


def _logged(system: System, name: str, lines: int) -> list[str]:
    """The last log lines: the services' own are JSON without content; of any other line only the beginning is told."""
    text = _text(system.data / "logs" / f"{name}.log")
    return [_line(raw) for raw in text.splitlines()[-lines:]]


def _line(raw: str) -> str:
    try:
        return " ".join(f"{key}={value}" for key, value in orjson.loads(raw).items() if key != "service")
    except ValueError:
        return raw[:120]


def _text(path: Any) -> str:
    try:
        return str(path.read_text(errors="replace"))
    except OSError:
        return ""
