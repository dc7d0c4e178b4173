"""Plays many patients at once on a running system, each patient's steps one after the other in virtual order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from aiokafka import AIOKafkaProducer

from tools.mllp_client import Ack, MllpClient
from tools.simulator.course import PATIENCE, Course
from tools.simulator.messages import FACILITY, Message
from tools.simulator.noise import Sent
from tools.simulator.player import Player, Step

AT_ONCE = 24
"""Patients that are played at a time (decision 0135)."""
CONNECTIONS = 6
"""MLLP connections."""
BY_KAFKA = frozenset({"goodhealth-south"})
"""Feeds that produce to the topic hospital.adt; the others send over MLLP."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A message, its acknowledgement (None: none was due, or none came), MLLP or Kafka, and how many seconds it
    took."""

    message: Message
    ack: Ack | None
    door: str
    seconds: float


class Hospital:
    """The hospitals' side: MLLP connections that are kept open, and a producer for hospital.adt. `tell` gets every
    answer."""

    def __init__(self, producer: AIOKafkaProducer, tell: Callable[[Answered], None]) -> None:
        self._producer, self._tell = producer, tell
        self._clients: asyncio.Queue[MllpClient] = asyncio.Queue()

    def connect(self, door: str) -> None:
        """Make CONNECTIONS clients of an MLLP port, `host:port`."""
        host, _, port = door.rpartition(":")
        for _ in range(CONNECTIONS):
            self._clients.put_nowait(MllpClient(host, int(port)))

    async def close(self) -> None:
        """Close the MLLP connections."""
        while not self._clients.empty():
            await self._clients.get_nowait().close()

    async def says(self, course: Course, sent: Sent) -> None:
        """Send one message over MLLP or to hospital.adt, as its feed does, and wait for its acknowledgement."""
        begun = monotonic()
        if course.life.hospital.feed in BY_KAFKA:
            self._tell(Answered(sent.message, await self._writes(course, sent), "Kafka", monotonic() - begun))
            return
        client = await self._clients.get()
        try:
            acks = await client.send(sent.message.raw)
        finally:
            self._clients.put_nowait(client)
        self._tell(Answered(sent.message, acks[-1] if acks else None, "MLLP", monotonic() - begun))

    async def _writes(self, course: Course, sent: Sent) -> Ack | None:
        key = f"{FACILITY}|{course.life.person.mrn}".encode()
        number = sent.message.control_id
        course.watch.acks.pop(number, None)
        headers = [("content-type", b"x-application/hl7-v2+er7")]
        await self._producer.send_and_wait("hospital.adt", sent.message.raw, key=key, headers=headers)
        return await course.watch.wait(lambda: course.watch.acks.get(number), PATIENCE) if number else None


@asynccontextmanager
async def hospital(connect: dict[str, object], door: str, tell: Callable[[Answered], None]) -> AsyncIterator[Hospital]:
    """The hospitals, connected to a broker (client settings `connect`) and to the MLLP port `door`."""
    producer = AIOKafkaProducer(**connect, acks="all", enable_idempotence=True)
    await producer.start()
    found = Hospital(producer, tell)
    found.connect(door)
    try:
        yield found
    finally:
        await found.close()
        await producer.stop()


async def play(
    players: list[Player], hospitals: Hospital, done: Callable[[], None], total: Callable[[int], None]
) -> None:
    """Play all patients, AT_ONCE at a time, those first whose first step is first. `total` is called with the number of
    steps, `done` after each of them."""
    ways = [(one.course, one.steps(hospitals.says)) for one in players]
    total(sum(len(steps) for _, steps in ways))
    ways.sort(key=lambda way: way[1][0].at if way[1] else way[0].until)
    waiting = iter(ways)
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_one_after_the_other(waiting, done))


async def _one_after_the_other(ways: Iterator[tuple[Course, list[Step]]], done: Callable[[], None]) -> None:
    for course, steps in ways:
        for step in steps:
            if step.message or not course.lost:
                await step.does()
            done()
