"""How many records a consumer is behind in each partition of its topic, and which partitions nobody reads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

STANDS_SECONDS = 45.0
"""Longer than a group takes to hand a dead member's partitions on (a session is 10 s): then nobody has them."""


@dataclass(slots=True)
class Lag:
    """One consumer's lag: `records` behind over all partitions, and since when each partition with a lag has not
    moved."""

    records: int = 0
    _stands: dict[int, tuple[int, float]] = field(default_factory=dict)
    _moved: float = float("-inf")

    def see(self, left: Mapping[int, int], places: Mapping[int, int], mine: Collection[int], now: float) -> None:
        """Take in a look. `left`: partition → records left; `places`: partition → the consumer's next offset, whichever
        process reads it; `mine`: this process's partitions; `now`: in seconds."""
        self.records = sum(left.values())
        for partition, place in places.items():
            before = self._stands.get(partition)
            if before is not None and before[0] != place and partition in mine:
                self._moved = now
            if not left.get(partition):
                self._stands.pop(partition, None)
            elif before is None or before[0] != place:
                self._stands[partition] = (place, now)
        if mine and not self._stands:
            self._moved = now

    def unread(self, mine: Collection[int], now: float) -> list[int]:
        """Partitions with records that nobody has read for too long.

        A partition of this process counts only if none of its other partitions moves either.
        """
        return sorted(
            partition
            for partition, (_, since) in self._stands.items()
            if now - (max(since, self._moved) if partition in mine else since) > STANDS_SECONDS
        )
