"""What is private in asyncpg and used here, with its reason; tests/plumbing/test_database.py fails when it moves."""

from __future__ import annotations

from asyncpg.protocol import protocol


def know_texts_at_once() -> None:
    """Let asyncpg see at once that a text or bytes in an array is no array itself.

    It asks `collections.abc.Iterable` of each value, which takes a third of a microsecond, only to leave texts and
    bytes out by the next question: a row of ten columns pays for ten of them. The answer stays the same for each value.
    """
    if not isinstance(protocol.IterableABC, tuple):
        protocol.IterableABC = (str, bytes, list, tuple, protocol.IterableABC)
