"""What is private in asyncpg and used here, with its reason; tests/plumbing/test_database.py fails when it moves."""

from __future__ import annotations

from asyncpg.protocol import protocol

ARRAYS = (list, tuple, set, frozenset)
"""What may be given as an array: anything else is refused by the driver, as a value that is no container is."""


def know_arrays_at_once() -> None:
    """Let asyncpg see by its type whether a value in an array is an array itself.

    It asks `collections.abc.Iterable` and `Sized` of each value, twice each, which takes a quarter of a microsecond
    every time: a row of ten columns pays for forty of them. Of every text, number and time the answer stays the same.
    """
    protocol.IterableABC = protocol.SizedABC = ARRAYS
