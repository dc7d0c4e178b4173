"""What is to be said so that the facts that stand become those that ought to. Pure, and blind to what facts mean.

One mechanism for every writer (contract 3.5): what ought not to stand any more is taken back (`fact-cancelled`), what
stands with other content is stated anew in its place (`replaces`), what does not stand is stated; nothing where nothing
changed. It is said in this order, numbered on from the episode's last sequence of the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
    """What to say. `cancel`: what is to be taken back, by its key. `state`: what is to be stated, first what takes
    the place of a fact that stands, with that fact; then what is new, with None."""

    cancel: Mapping[Key, Active]
    state: Sequence[tuple[Active | None, Desired]]

    def __bool__(self) -> bool:
        return bool(self.cancel or self.state)

    @property
    def fallen(self) -> list[Active]:
        """What does not stand any more once this is said."""
        return [*self.cancel.values(), *(was for was, _ in self.state if was is not None)]

    def said(self, back: Callable[[Active], Told], out: Callable[[Desired, Active | None], Told]) -> list[Told]:
        """In the order in which it is said: `back` takes a fact back, `out` states one, in the place of another."""
        return [*map(back, self.cancel.values()), *(out(now, was) for was, now in self.state)]


def difference(
    active: Mapping[Key, Active], desired: Mapping[Key, Desired], says: Callable[[Active, Desired], bool]
) -> Difference[Key, Active, Desired]:
    """From the facts that stand to those that ought to, each by its key: what it is, whatever its content.

    `says`: whether a fact that stands has the content that it ought to have. Order is kept, of both.
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
    """The facts that state these values, numbered on from the episode's `last` sequence of this writer."""
    return tuple(state(value, number) for number, value in enumerate(values, last + 1))


def same(one: CareFact, other: CareFact) -> bool:
    """Whether two values say the same, but for what differs each time it is said: when it was recorded, and what it
    replaces."""
    if type(one) is not type(other):
        return False
    return alike(structs.replace(one, recorded_at=other.recorded_at, replaces=other.replaces), other)


def fallen_of(own: Collection[Fact]) -> set[str | None]:
    """ce_ids of one writer's facts that it took back or stated anew (None among them)."""
    gone = {fact.value.cancels for fact in own if isinstance(fact.value, FactCancelled)}
    return gone | {fact.value.replaces for fact in own}
