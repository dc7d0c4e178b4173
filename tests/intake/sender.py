"""A hospital's side of an MLLP connection, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Self

from services.intake.hl7.frames import framed


class Sender:
    """One connection that sends frames and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(
        cls, address: tuple[str, int], tls: ssl.SSLContext | None = None, come_from: str | None = None
    ) -> Self:
        """A new connection; from another address of this machine, where one is given."""
        own = (come_from, 0) if come_from else None
        return cls(*await asyncio.open_connection(*address, ssl=tls, local_addr=own))

    async def answer(self) -> bytes:
        """The next answer; b"" where the connection ends."""
        try:
            frame = await asyncio.wait_for(self.reader.readuntil(b"\x1c\r"), 20)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        return frame[1:-2]

    async def send(self, raw: bytes) -> bytes:
        """Send one message and wait for its answer."""
        self.writer.write(framed(raw))
        return await self.answer()

    async def close(self) -> None:
        """End the connection."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
