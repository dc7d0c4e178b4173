"""Long work of one process in turns with everything else that it does: pages, heartbeats, the relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


async def in_turns(items: Iterable[_Item], most: int = 50) -> AsyncIterator[_Item]:
    """The same items; after each so many of them whoever waits for this process goes first."""
    for number, item in enumerate(items, 1):
        yield item
        if number % most == 0:
            await asyncio.sleep(0)
