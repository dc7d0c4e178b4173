"""What somebody may see: the facilities of their token, and what of a list of facts or rows is of these. Pure.

The one notion of it: every read and every write of the three services asks here (decision 0152, contract promise 9).
A store narrows its rows by the same facilities; an episode that several facilities have is shown by its visible facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.values import value_object


@value_object
class Scope:
    """The facilities whose part somebody may see; None: every one's. Nothing is seen without one."""

    facilities: frozenset[str] | None

    def has(self, facility: str | None) -> bool:
        """Whether what is of this facility may be seen; what is nobody's is for who sees everything."""
        return self.facilities is None or facility in self.facilities

    def has_any(self, facilities: Iterable[str]) -> bool:
        """Whether something of these is in scope."""
        return self.facilities is None or not self.facilities.isdisjoint(facilities)

    def has_all(self, facilities: Iterable[str]) -> bool:
        """Whether everything of these is in scope."""
        return self.facilities is None or self.facilities.issuperset(facilities)

    def has_value(self, value: Mapping[str, Any]) -> bool:
        """Whether a fact with this value may be seen: it is of the facility that it names."""
        return self.has(value.get("facility"))

    @property
    def listed(self) -> list[str] | None:
        """The facilities in order, for a statement; None: no narrowing."""
        return None if self.facilities is None else sorted(self.facilities)


EVERYTHING: Final = Scope(None)
"""Of timers, of commands beside the database, and of a token of every facility."""


def without(value: Any, hidden: frozenset[str]) -> Any:
    """Plain JSON without the ids that are hidden: a field with one is left out, and a stay of such a name too."""
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
