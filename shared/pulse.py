"""Whether the parts of a service still move: each reports when a piece of work begins, goes on and ends.

A part that waits for something unavailable reports each try, so it is not stuck. A part that began work and reports
nothing for long is stuck, and a restart helps.
"""

from __future__ import annotations

import time
from types import TracebackType

STUCK_SECONDS = 600.0
"""Longer than anything that ends by itself: a statement that the driver gives up after 120 s, tried three times."""


class Pulse:
    """One part's reports: `with pulse:` around a piece of work, `beat()` whenever it goes on."""

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
        """Report that the work goes on."""
        if self._beat is not None:
            self._beat = time.monotonic()

    def still(self, now: float) -> float:
        """Seconds since the last report while there is work; 0 where there is none."""
        return 0.0 if self._beat is None else now - self._beat
