"""Decodes each record once for several consumers of one process that read the same topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord

from shared.facts.envelope import Fact

MOST = 20_000
"""Facts that are kept until another consumer asks for them: two of the largest batches."""


class _Decoded(NamedTuple):
    record: ConsumerRecord
    fact: Fact


class DecodedOnce:
    """A consumer's `decode` that keeps what it made of a record until the second consumer of the record asks for it.

    Consumers that are far apart decode for themselves: at most `most` facts are kept, the oldest go first. Another
    record at the same place (the topic was made anew) is another record.
    """

    def __init__(self, decode: Callable[[ConsumerRecord], Fact], *, most: int = MOST) -> None:
        self._decode, self._most = decode, most
        self._kept: dict[tuple[str, int, int], _Decoded] = {}

    def __call__(self, record: ConsumerRecord) -> Fact:
        """The fact. Raises what `decode` raises, for each consumer anew."""
        place = (record.topic, record.partition, record.offset)
        found = self._kept.pop(place, None)
        if found is not None and _same(found.record, record):
            return found.fact
        fact = self._decode(record)
        self._kept[place] = _Decoded(record, fact)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return fact


def _same(one: Any, other: Any) -> bool:
    return bool(one.value == other.value and one.key == other.key and one.headers == other.headers)
