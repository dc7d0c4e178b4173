"""How many connections each door may hold: the process has so many descriptors, and no door takes another's.

A soft limit of 1,024 (systemd's default) is raised to the hard one at start. What is left after the service's own
(database, broker, files, a burst of newcomers that are being turned away) is shared out before anybody connects.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

OWN = 150
"""Kept back, beside the database's pool."""
FEWEST = 8
"""Connections of a door, however few descriptors there are."""


class Seating(NamedTuple):
    """Connections that each door may hold at a time."""

    mllp: int
    http: int


def raised() -> int:
    """Raise the soft limit to the hard one, as far as the system lets us; how many descriptors there are."""
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
    """What was asked for where it fits; else MLLP has three parts of four, so that HTTP can't shut it."""
    free = descriptors - OWN - pool
    if mllp + http <= free:
        return Seating(mllp, http)
    for_http = min(http, max(free // 4, FEWEST))
    return Seating(min(mllp, max(free - for_http, FEWEST)), for_http)
