"""Whether what a service does still moves: each part says when it begins, goes on and ends a piece of work.

A part that waits for something that is away goes on waiting, and says so each time it tries: it is not stuck. One that
began and says nothing any more is, and a restart mends it.
"""

from __future__ import annotations

import time
from types import TracebackType

STUCK_SECONDS = 600.0
"""Longer than anything that ends by itself: a statement that the driver gives up after 120 s, tried three times."""


class Pulse:
    """One part's: `with pulse:` around a piece of work, `beat()` wherever it goes on."""

    def __init__(self, part: str) -> None:
        self.part = part
        self._beat: float | None = None

    def __enter__(self) -> None:
        self._beat = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beat = None

    def beat(self) -> None:
        """The piece of work goes on."""
        if self._beat is not None:
            self._beat = time.monotonic()

    def still(self, now: float) -> float:
        """Seconds since it last moved, while it has work; 0 where it has none."""
        return 0.0 if self._beat is None else now - self._beat
