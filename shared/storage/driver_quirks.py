"""What is private in asyncpg and used here, with its reason; tests/plumbing/test_database.py fails when it moves."""

from __future__ import annotations

from asyncpg.protocol import protocol

_ARRAYS = (str, bytes, list, tuple, set, frozenset, dict)
"""What asyncpg may be given where PostgreSQL has an array; it leaves texts, bytes and dicts out by its next
questions."""


def know_arrays_at_once() -> None:
    """Let asyncpg see by its type whether a value in an array is an array itself.

    It asks `collections.abc.Iterable` and `Sized` of each value, twice each, which takes a quarter of a microsecond
    every time: a row of ten columns pays for forty of them. The answer stays the same for each value of the types that
    we give it; a container of another type is refused with an error.
    """
    protocol.IterableABC = protocol.SizedABC = _ARRAYS
