"""Ids that sort by when they were made: 12 hex digits of milliseconds, 4 of a count, 16 of chance."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count

_COUNT = count()


def new_id(at: datetime) -> str:
    """An id of 32 hex digits; those of one process sort as they were made."""
    return f"{int(at.timestamp() * 1000):012x}{next(_COUNT) & 0xFFFF:04x}{os.urandom(8).hex()}"
