"""What is left of a table that was lost, for tests of healing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace


class NothingApplied:
    """Placement's table of facts, after it lost all of it."""

    async def at(self, places: Sequence[FactPlace]) -> Mapping[FactPlace, Fact[Any]]:
        return {}

    async def last(self, writer: str) -> AsyncIterator[Mapping[str, int]]:
        none: list[Mapping[str, int]] = []
        for page in none:
            yield page

    async def after(self, last: Mapping[str, int], writer: str) -> Sequence[Fact[Any]]:
        return ()
