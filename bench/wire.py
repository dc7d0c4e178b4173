"""A hospital's interface engine: connections to an MLLP door, one message in flight on each; how long answers took.

Arguments: host, port, connections, seconds, number of the first patient. Prints {"count": …, "seconds": …, "p50": …,
"p99": …, "refused": …}, times in milliseconds. It runs as a process of its own, beside whoever answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import cast

import uvloop

from bench.messages import STORY, message
from services.intake.hl7.frames import framed

GOOD = (b"MSA|AA|", b"MSA|CA|")
PATIENTS_OF_ONE = 1_000_000


class Line(asyncio.Protocol):
    """One connection: sends its next message as soon as the one before is answered, until the time is over."""

    def __init__(self, first: int, end: float) -> None:
        self.messages, self.end = _messages(first), end
        self.took: list[float] = []
        self.refused = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._send()

    def _send(self) -> None:
        if time.perf_counter() >= self.end:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(framed(next(self.messages)))

    def data_received(self, data: bytes) -> None:
        """The answer, or a part of it."""
        self._heard += data
        if b"\x1c" not in data:
            return
        self.took.append(time.perf_counter() - self.sent)
        self.refused += not any(good in self._heard for good in GOOD)
        self._heard.clear()
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        """The end, wanted or not."""
        if not self.done.done():
            self.done.set_result(None)


def _itself(line: Line) -> Line:
    return line


def _messages(first: int) -> Iterator[bytes]:
    number = first
    while True:
        for trigger in STORY:
            yield message(trigger, number)
        number += 1


async def measured(host: str, port: int, connections: int, seconds: float, first: int) -> dict[str, float]:
    """All connections at once; each has patients of its own."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    step = max(PATIENTS_OF_ONE // connections, 1)
    lines = []
    for number in range(connections):
        line = Line(first + number * step, began + seconds)
        await loop.create_connection(partial(_itself, line), host, port)
        lines.append(line)
    await asyncio.gather(*(line.done for line in lines))
    took = sorted(one for line in lines for one in line.took)
    return {
        "count": len(took),
        "seconds": time.perf_counter() - began,
        "p50": 1000 * took[len(took) // 2],
        "p99": 1000 * took[len(took) * 99 // 100],
        "refused": sum(line.refused for line in lines),
    }


def main() -> None:
    host, port, connections, seconds, first = sys.argv[1:6]
    print(json.dumps(uvloop.run(measured(host, int(port), int(connections), float(seconds), int(first)))))


if __name__ == "__main__":
    main()
