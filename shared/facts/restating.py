"""What a writer has to state and cancel so that its standing facts become those that ought to stand. Pure; knows no
type of fact.

One mechanism for every writer (contract 3.5): a fact that ought not to stand is cancelled (`fact-cancelled`), one with
other content is replaced by a new one (`replaces`), a missing one is stated, and an equal one is left alone. Stated in
this order, with sequences that go on from the writer's last one in the episode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from msgspec import structs

from shared.events.base import CareFact
from shared.events.published import alike
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact

Key = TypeVar("Key")
Active = TypeVar("Active")
Desired = TypeVar("Desired")
Told = TypeVar("Told")


class Difference(NamedTuple, Generic[Key, Active, Desired]):
    """What has to be stated. `cancel`: the facts to cancel, by key. `state`: what to state, first replacements, each
    with the fact that it replaces, then new facts, each with None."""

    cancel: Mapping[Key, Active]
    state: Sequence[tuple[Active | None, Desired]]

    def __bool__(self) -> bool:
        return bool(self.cancel or self.state)

    @property
    def fallen(self) -> list[Active]:
        """The facts that no longer stand once this is stated."""
        return [*self.cancel.values(), *(was for was, _ in self.state if was is not None)]

    def said(self, back: Callable[[Active], Told], out: Callable[[Desired, Active | None], Told]) -> list[Told]:
        """The values to state, in order: `back` makes a cancel, `out` a new statement with the fact that it replaces,
        if any."""
        return [*map(back, self.cancel.values()), *(out(now, was) for was, now in self.state)]


def difference(
    active: Mapping[Key, Active], desired: Mapping[Key, Desired], says: Callable[[Active, Desired], bool]
) -> Difference[Key, Active, Desired]:
    """Compare the standing facts with the desired ones by key; the key is what a fact is about, whatever its content.

    `says`: True when a standing fact already has the desired content. The order of both mappings is kept.
    """
    again: list[tuple[Active | None, Desired]] = []
    new: list[tuple[Active | None, Desired]] = []
    for key, now in desired.items():
        if key not in active:
            new.append((None, now))
        elif not says(was := active[key], now):
            again.append((was, now))
    return Difference({key: was for key, was in active.items() if key not in desired}, [*again, *new])


def numbered(values: Iterable[Told], last: int, state: Callable[[Told, int], Fact]) -> tuple[Fact, ...]:
    """The facts that state these values; sequences go on from `last`, the writer's last one in the episode."""
    return tuple(state(value, number) for number, value in enumerate(values, last + 1))


def same(one: CareFact, other: CareFact) -> bool:
    """True when two values have the same content, apart from `recorded_at` and `replaces`."""
    if type(one) is not type(other):
        return False
    return alike(structs.replace(one, recorded_at=other.recorded_at, replaces=other.replaces), other)


class OwnFacts(tuple[Fact, ...]):  # noqa: SLOT001 (what is computed once is kept in the instance)
    """All facts of one writer about one episode, by sequence, with what is read from them: computed once, on demand."""

    @cached_property
    def kinds(self) -> frozenset[type[CareFact]]:
        """The types of these facts: a rule about facts that were never stated need not look for them."""
        return frozenset([type(fact.value) for fact in self])

    @cached_property
    def cancelled(self) -> set[str]:
        """ce_ids of the facts that the writer cancelled."""
        return {fact.value.cancels for fact in self if isinstance(fact.value, FactCancelled)}

    @cached_property
    def fallen(self) -> set[str | None]:
        """ce_ids of the facts that the writer cancelled or replaced (None may be among them)."""
        return self.cancelled.union([fact.value.replaces for fact in self])
