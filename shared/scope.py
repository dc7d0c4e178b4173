"""What a person may see: the facilities in their token, and which facts or rows belong to these. Pure.

Every read and every write of the three services uses it (decision 0152, contract promise 9). Stores filter rows by the
same facilities; an episode of several facilities is shown by the facts in scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from shared.values import value_object


@value_object
class Scope:
    """The facilities whose care a person may see; None: all of them. No read goes without a scope."""

    facilities: frozenset[str] | None

    def has(self, facility: str | None) -> bool:
        """True when care of this facility may be seen; None as the facility: only for a scope of everything."""
        return self.facilities is None or facility in self.facilities

    def has_any(self, facilities: Iterable[str]) -> bool:
        """True when at least one of these facilities is in scope."""
        return self.facilities is None or not self.facilities.isdisjoint(facilities)

    def has_all(self, facilities: Iterable[str]) -> bool:
        """True when all of these facilities are in scope."""
        return self.facilities is None or self.facilities.issuperset(facilities)

    @property
    def listed(self) -> list[str] | None:
        """The facilities, sorted, for an SQL statement; None: no filter."""
        return None if self.facilities is None else sorted(self.facilities)


EVERYTHING: Final = Scope(None)
"""Of timers, of commands beside the database, and of a token of every facility."""


def without(value: Any, hidden: frozenset[str]) -> Any:
    """JSON without the hidden ids: a field that holds one is left out, and so is a stay with such an id."""
    if isinstance(value, dict):
        kept = {name: without(each, hidden) for name, each in value.items() if not _hides(each, hidden)}
        return {name: each for name, each in kept.items() if each != [] or value[name] == []}
    if isinstance(value, list | tuple):
        return [without(each, hidden) for each in value if not _hides(each, hidden)]
    return value


def _hides(value: Any, hidden: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in hidden
    return isinstance(value, dict) and value.keys() == {"kind", "id"} and f"{value['kind']}/{value['id']}" in hidden
