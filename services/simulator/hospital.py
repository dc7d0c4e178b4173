"""The sending side: each patient's messages in order, several connections at once; what each was answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from services.mllp_client import Ack, MllpClient
from services.simulator.messages import Message
from services.simulator.patients import Patient


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, what it was answered (the last acknowledgement), and how long that took in seconds."""

    patient: Patient
    message: Message
    ack: Ack
    seconds: float


async def send(patients: Iterable[Patient], door: str, connections: int, tell: Callable[[Sent], None]) -> None:
    """Send all of them to `door` (host:port); `tell` is called with each answer. Raises Transient, WrongAnswer."""
    host, _, port = door.rpartition(":")
    waiting = iter(list(patients))
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(waiting, host, int(port), tell))


async def _connection(waiting: Iterable[Patient], host: str, port: int, tell: Callable[[Sent], None]) -> None:
    async with MllpClient(host, port) as client:
        for patient in waiting:
            for message in patient.messages:
                tell(await _one(client, patient, message))


async def _one(client: MllpClient, patient: Patient, message: Message) -> Sent:
    begun = time.monotonic()
    acks: Sequence[Ack] = await client.send(message.raw)
    return Sent(patient, message, acks[-1], time.monotonic() - begun)
