"""An MLLP client, a hospital's side: one message in flight on a connection, its acknowledgements matched by MSA-2.

Sources: HL7 v2.5.1 appendix C (minimal lower layer protocol), chapter 2.9 (original and enhanced acknowledgement).
It shares no code with intake's MLLP server, so that neither hides the other's mistakes.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

from shared.errors import StepdownError, Transient

VT, END = b"\x0b", b"\x1c\r"
GOOD = frozenset({"AA", "CA"})
LONGEST = 1 << 20
"""Bytes of the longest answer that is read."""


class WrongAnswer(StepdownError):
    """What was answered is not an acknowledgement of the message that was sent."""


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement: MSA-1, MSA-2, and the sentence (ERR-8, else ERR-3.2) and code (ERR-3.1) of the first ERR."""

    code: str
    control_id: str
    error: str | None = None
    error_code: str | None = None

    @property
    def good(self) -> bool:
        """True for AA and CA."""
        return self.code in GOOD


class MllpClient:
    """A connection to one MLLP port. `seconds`: how long to wait for an answer that must come.

    `short`: how many seconds to wait for one that comes under a condition only (ER or SU in MSH-15 or MSH-16).
    """

    def __init__(self, host: str, port: int, *, seconds: float = 30.0, short: float = 1.0) -> None:
        self.host, self.port, self.seconds, self.short = host, port, seconds, short
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._given_up: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, message: bytes) -> list[Ack]:
        """Send one message (without MLLP bytes) and wait for its acknowledgements: most have one.

        In enhanced mode there may be two (commit, application) or none. Raises Transient where the port cannot be
        reached, closes the connection, or does not answer in time; WrongAnswer where the answer is not one to this
        message. After either the next call makes a new connection.
        """
        async with self._turn:
            reader, writer = await self._connected()
            try:
                writer.write(VT + message + END)
                await writer.drain()
                return await self._answers(reader, message)
            except (OSError, asyncio.IncompleteReadError):
                await self.close()
                raise Transient("the MLLP door closed the connection before it answered") from None
            except (StepdownError, asyncio.CancelledError):
                await self.close()
                raise

    async def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        self._given_up.clear()
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            try:
                async with asyncio.timeout(self.seconds):
                    self._streams = await asyncio.open_connection(self.host, self.port, limit=LONGEST)
            except (OSError, TimeoutError):
                raise Transient(f"no MLLP door answers at {self.host}:{self.port}") from None
        return self._streams

    async def _answers(self, reader: asyncio.StreamReader, message: bytes) -> list[Ack]:
        control_id, accept, application = header(message)
        if not accept and not application:
            return [await self._must(reader, control_id)]
        found: list[Ack] = []
        if accept not in {"", "NE"}:
            found += await self._by_condition(reader, control_id, accept)
        if found and found[0].code.startswith("A"):
            return found  # the commit answer was not due, this is the other one
        if application not in {"", "NE"} and all(ack.good for ack in found):
            found += await self._by_condition(reader, control_id, application)
        return found

    async def _by_condition(self, reader: asyncio.StreamReader, control_id: str, condition: str) -> list[Ack]:
        if condition not in {"ER", "SU"}:
            return [await self._must(reader, control_id)]
        try:
            async with asyncio.timeout(self.short):
                return [await self._next(reader, control_id)]
        except TimeoutError:
            self._given_up.add(control_id)
            return []

    async def _must(self, reader: asyncio.StreamReader, control_id: str) -> Ack:
        try:
            async with asyncio.timeout(self.seconds):
                return await self._next(reader, control_id)
        except TimeoutError:
            raise Transient(f"the MLLP door did not answer within {self.seconds:g} s") from None

    async def _next(self, reader: asyncio.StreamReader, control_id: str) -> Ack:
        while True:
            try:
                frame = await reader.readuntil(END)
            except asyncio.LimitOverrunError:
                raise WrongAnswer(f"the answer is longer than {LONGEST} bytes") from None
            ack = read_ack(frame)
            if ack.control_id == control_id:
                return ack
            if ack.control_id not in self._given_up:
                raise WrongAnswer("the answer is to another message: its MSA-2 is not the MSH-10 that was sent")


def header(message: bytes) -> tuple[str, str, str]:
    """(MSH-10, MSH-15, MSH-16) as sent; empty texts where the message has no MSH or no such field."""
    fields = _first_line(message, b"MSH")
    return _text(fields, 9), _text(fields, 14), _text(fields, 15)


def read_ack(frame: bytes) -> Ack:
    """The acknowledgement in a frame. Raises WrongAnswer where it has no MSA segment with a code."""
    msa = _first_line(frame, b"MSA")
    code = _text(msa, 1)
    if not code:
        raise WrongAnswer("what came back has no MSA segment")
    err = _first_line(frame, b"ERR")
    component = _first_line(frame, b"MSH")[1][:1] if len(_first_line(frame, b"MSH")) > 1 else b"^"
    reason = _text(err, 3).split(component.decode("latin-1"))
    sentence = _text(err, 8) or (reason[1] if len(reason) > 1 else "")
    return Ack(code, _text(msa, 2), sentence or None, reason[0] or None)


def _first_line(message: bytes, name: bytes) -> list[bytes]:
    """The fields of the first segment of that name: its field n is item n, for MSH item n - 1. Empty where there is
    none."""
    at = message.find(b"MSH")
    mark = message[at + 3 : at + 4] if at >= 0 else b"|"
    for line in message.replace(b"\n", b"\r").split(b"\r"):
        bare = line.strip(b"\x0b\x1c \t\xef\xbb\xbf")
        if bare.startswith(name + mark):
            return bare.split(mark)
    return []


def _text(fields: list[bytes], place: int) -> str:
    return fields[place].decode("utf-8", "replace").strip() if len(fields) > place else ""
