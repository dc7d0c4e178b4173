"""What a service tells in metrics of itself as a whole: its release, site and connections, and what its database holds.

The database is asked by a timer, not by each scrape: however many scrape, it costs the same few statements.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

from shared import metrics
from shared.messaging import dead_letter_desk, outbox
from shared.storage.database import Connection, Database

EVERY = 15.0
"""Seconds between two looks into the database: the usual interval of a scrape."""
Figures = Callable[[Connection], Awaitable[None]]
"""Reads what a service alone has (seats, searches, matches) and sets its metrics."""


def tell_constants(service: str, database: Database, site_version: str) -> None:
    """Set what does not change while the process lives, and let each scrape ask the pool how full it is."""
    metrics.BUILD.labels(service).info({"version": version("stepdown")})
    metrics.SITE.labels(service).info({"version": site_version})
    metrics.READY.labels(service).set(0)
    metrics.POOL_SIZE.labels(service).set(database.pool_size)
    metrics.POOL_IN_USE.labels(service).set_function(database.in_use)
    metrics.POOL_WAITING.labels(service).set_function(lambda: database.waiting)


async def look(database: Database, service: str, consumers: Sequence[str], own: Figures | None) -> None:
    """Read the figures that every service has, and its own. Raises Transient while the database is away: metrics then
    keep what was read last."""
    async with database.read() as connection:
        metrics.WAITING_OUTBOX.labels(service).set((await outbox.unsent(connection)).total())
        letters = await dead_letter_desk.open_by_consumer(connection)
        for consumer in {*consumers, f"{service}.outbox", *letters}:
            metrics.DEAD_LETTERS.labels(consumer).set(letters.get(consumer, 0))
        if own is not None:
            await own(connection)
