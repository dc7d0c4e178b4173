"""An MLLP door of a test's own, and what a test connects to it with."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from services.intake.app import Doors, reception_of
from services.intake.receiving.mllp import Limits, MllpDoor
from services.intake.receiving.receive import Intake
from tests.intake.sender import Sender


@asynccontextmanager
async def opened(
    intake: Intake, limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[MllpDoor, Doors]]:
    """A door on any free port, and the doors of the service."""
    reception = reception_of(intake)
    door = MllpDoor(reception, ("127.0.0.1", 0), intake.clock, limits=limits, tls=tls)
    doors = Doors(intake, reception, [door])
    await doors.start()
    try:
        yield door, doors
    finally:
        await doors.stop()


class Connect(Protocol):
    """Opens connections; all are closed after the test."""

    async def __call__(
        self, address: tuple[str, int], tls: ssl.SSLContext | None = None, come_from: str | None = None
    ) -> Sender: ...
