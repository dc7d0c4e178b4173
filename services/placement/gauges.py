"""Placement's figures for metrics: what waits at the desk, and the seats of each level. Counts only, of nobody."""

from __future__ import annotations

from collections import Counter

from services.placement.desk.programs import filled
from services.placement.rules import Rules
from services.placement.worklists import views
from shared import metrics
from shared.clock import Clock
from shared.storage.database import Connection


async def tell(connection: Connection, *, rules: Rules, clock: Clock) -> None:
    """Set the gauges of the desk and of seats."""
    now = clock()
    for kind, waits in (await views.waiting_by_kind(connection, now)).items():
        metrics.DESK_OPEN.labels(kind).set(waits.number)
        metrics.DESK_OVERDUE.labels(kind).set(waits.overdue)
        metrics.DESK_OLDEST.labels(kind).set((now - waits.since).total_seconds() if waits.since else 0)
    programs = rules.site.programs
    places = await views.places(connection, [program.id for program in programs], now, now)
    free, taken, over = Counter[str](), Counter[str](), Counter[str]()
    for program in programs:
        full = filled(program, places.get(program.id, ()), now)
        free[program.level] += full.free
        taken[program.level] += full.taken
        over[program.level] += full.over
    for level in free:
        metrics.SEATS_OPEN.labels(level).set(free[level])
        metrics.SEATS_HELD.labels(level).set(taken[level])
        metrics.SEATS_OVER.labels(level).set(over[level])
