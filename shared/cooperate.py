"""Long loops that let other tasks of the same event loop run in between: pages, Kafka heartbeats, the relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


async def in_turns(items: Iterable[_Item], most: int = 50) -> AsyncIterator[_Item]:
    """The same items; after each `most` of them other waiting tasks get a turn."""
    for number, item in enumerate(items, 1):
        yield item
        if number % most == 0:
            await asyncio.sleep(0)
