"""Ids: those that sort by the time they were made, and those that tell nothing."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count

_COUNT = count()


def new_id(at: datetime) -> str:
    """An id of 32 hex digits for the time `at`; those of one process sort in the order in which they were made.

    12 digits of milliseconds since 1970, 4 of a counter, 16 random.
    """
    return f"{int(at.timestamp() * 1000):012x}{next(_COUNT) & 0xFFFF:04x}{os.urandom(8).hex()}"


def first_id(at: datetime) -> str:
    """A text that sorts before every id made at the time `at` or later, and after every one made a millisecond
    earlier."""
    return f"{int(at.timestamp() * 1000):012x}"


def ageless_id() -> str:
    """An id of 32 random hex digits, which does not tell when it was made.

    In the form of `new_id`: ids of both kinds are in one column, and sort alike in Python and in every collation.
    """
    return os.urandom(16).hex()


def random_id() -> str:
    """An id that tells neither when nor by whom it was made: a UUID of version 4 (RFC 9562)."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]  # its two highest bits are 10
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
