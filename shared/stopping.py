"""A bounded stop: each part has its seconds, and after the sum of them the process ends itself.

What was not finished is not lost: batches are transactions, and senders repeat what was not acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

log = logging.getLogger(__name__)
STOP_SECONDS = 25.0
"""For all parts together; less than an orchestrator waits before it kills (30 s)."""


class Deadline:
    """From `begin` on the process has `seconds` to end, even with a stuck event loop; then it is ended at once."""

    def __init__(self, seconds: float = STOP_SECONDS) -> None:
        self.seconds = seconds
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """The stop begins now."""
        if self._timer is None:
            self._timer = threading.Timer(self.seconds, self._end)
            self._timer.daemon = True
            self._timer.start()

    def _end(self) -> None:
        log.error("the service did not stop in time; the process ends", extra={"seconds": self.seconds})
        for handler in logging.getLogger().handlers:
            handler.flush()
        os._exit(1)


async def stopped(part: str, stop: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Let a part stop within `seconds`; False where it did not, which is logged so that the next part can go on.

    A part may even ignore its cancellation (a client library that swallows it): nothing waits for that.
    """
    task = asyncio.create_task(stop, name=f"stop-{part}")
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        log.error("a part does not stop", extra={"part": part, "seconds": seconds})
        return False
    if not task.cancelled() and task.exception() is not None:
        log.error("a part failed to stop", extra={"part": part}, exc_info=task.exception())
        return False
    return True


async def cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel these tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
