"""MLLP framing: cuts a stream of bytes, in whatever pieces it arrives, into frames. Pure: no sockets.

A frame is VT … FS CR (HL7 v2.5.1 appendix C, minimal lower layer protocol). Field traffic bends it: junk before VT, no
CR after FS, frames split anywhere, several in one read, a frame broken off and sent again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.errors import InvalidMessage

VT, FS, CR = b"\x0b", b"\x1c", b"\x0d"
_BETWEEN = b" \t\r\n\x0c\x00"
"""What senders put between frames to keep a connection alive; it is nobody's message."""
_MARKS = re.compile(rb"[\x0b\x1c]")


class TooLong(InvalidMessage):
    """A frame has more bytes than the site's limit; where the next frame begins can't be told."""


class Framer:
    """Cuts one connection's stream into frames; any split of the stream gives the same frames.

    A frame begins at the last VT before FS and ends at FS; what lies between frames is dropped. Bytes that end in FS
    but never began with VT are a frame all the same, so that their sender gets an answer.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open = False
        self._held = bytearray()
        self._spilled = False
        self.cut = 0
        """Of how many frames that had begun the end never came, since another one began."""

    @property
    def unfinished(self) -> bool:
        """True while a frame has begun and not ended."""
        return self._open or bool(self._held.strip(_BETWEEN))

    @property
    def begun(self) -> bool:
        """True while something of a frame is there, and its end is not."""
        return self._open and bool(self._held)

    @property
    def held(self) -> int:
        """How many bytes are held of a frame that has not ended."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that end in `data`, in order, without their marks. Raises TooLong at the first that is."""
        at = 0
        for mark in _MARKS.finditer(data):
            self._hold(data, at, mark.start())
            at = mark.end()
            if mark[0] == FS:
                frame = self._taken()
                if frame is not None:
                    yield frame
            else:
                self.cut += self.begun
                self.forget()
                self._open = True
        self._hold(data, at, len(data))

    def _hold(self, data: bytes, begin: int, end: int) -> None:
        if end - begin + len(self._held) <= self.limit:
            self._held += data[begin:end]
        elif self._open:
            raise TooLong(f"a frame is longer than {self.limit} bytes")
        else:
            self._held.clear()
            self._spilled = True

    def _taken(self) -> bytes | None:
        frame, wanted = bytes(self._held), self._open
        if not wanted:
            frame = frame.strip(_BETWEEN)
            wanted = bool(frame) and not self._spilled
        self.forget()
        return frame if wanted else None

    def forget(self) -> None:
        """Drop the frame that has begun."""
        self._held.clear()
        self._open = self._spilled = False


def framed(message: bytes) -> bytes:
    """A message between the marks of a frame: VT before it, FS CR after it."""
    return VT + message + FS + CR
