"""How many connections the MLLP and HTTP ports may hold, so that neither uses up the process's file descriptors.

At start a soft limit of descriptors (1,024 is systemd's default) is raised to the hard one. What the service needs for
itself (database, broker, files, newcomers that are being turned away) is kept back, and the rest is divided between the
ports.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from shared.settings import Settings

OWN = 150
"""Descriptors kept back for the service itself, in addition to those of the database's connection pool."""
FEWEST = 8
"""The least number of connections of a port, however few descriptors there are."""


class Seating(NamedTuple):
    """How many connections each port may hold at a time."""

    mllp: int
    http: int


def raised() -> int:
    """Raise the soft limit of descriptors to the hard one, as far as the system allows; returns the limit after it (512
    on a platform without limits to ask for, 1,048,576 for no limit)."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return 512
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft > 0 else 1 << 20


def seating(descriptors: int, *, pool: int, mllp: int, http: int) -> Seating:
    """The connections of each port: `mllp` and `http` where both fit beside the database's `pool`; else HTTP has a
    quarter at most and MLLP the rest, so that HTTP cannot shut MLLP out."""
    free = descriptors - OWN - pool
    if mllp + http <= free:
        return Seating(mllp, http)
    for_http = min(http, max(free // 4, FEWEST))
    return Seating(min(mllp, max(free - for_http, FEWEST)), for_http)


def seating_of(settings: Settings) -> Seating:
    """The same by these settings, with this process's limit of descriptors, which is raised before."""
    return seating(
        raised(), pool=settings.database_pool, mllp=settings.mllp_connections, http=settings.http_connections
    )
