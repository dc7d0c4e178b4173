"""Waiting in tests: poll for a condition until a deadline; nothing sleeps for the sake of it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(condition: Callable[[], Any | Awaitable[Any]], seconds: float = 20, every: float = 0.02) -> Any:
    """The first true answer of `condition`; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < end, f"not so after {seconds} s"
        await asyncio.sleep(every)
