"""Ids that sort by the time they were made: 12 hex digits of milliseconds since 1970, 4 of a counter, 16 random."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count

_COUNT = count()


def new_id(at: datetime) -> str:
    """An id of 32 hex digits for the time `at`; those of one process sort in the order in which they were made."""
    return f"{int(at.timestamp() * 1000):012x}{next(_COUNT) & 0xFFFF:04x}{os.urandom(8).hex()}"
