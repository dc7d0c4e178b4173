"""What is private in asyncpg and used here, with its reason; tests/plumbing/test_database.py fails when it moves."""

from __future__ import annotations

from asyncpg.protocol import protocol

ARRAYS = (list, tuple, set, frozenset)
"""What may be given as an array: anything else is refused by the driver, as a value that is no container is."""


def know_arrays_at_once() -> None:
    """Let asyncpg see at once whether a value in an array is an array itself.

    It asks `collections.abc.Iterable` and `Sized` of each value, a fifth of a microsecond for each question: a row of
    eighteen columns pays for eighteen of them. Of every text, number and time the answer stays the same.
    """
    protocol.IterableABC = ARRAYS
