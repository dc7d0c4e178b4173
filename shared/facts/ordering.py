"""Next in line, repeat, or too early: sorts one episode's arriving facts by each writer's sequence. Pure.

Where a writer's number is taken, the ce_id tells a repeat from another fact, which is refused (contract 5.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shared.facts.envelope import Fact


class HasFact(Protocol):
    """Anything that carries a fact."""

    @property
    def fact(self) -> Fact: ...


Carrier = TypeVar("Carrier", bound=HasFact)
FactPlace = tuple[str, str, int]
"""(subject, writer, sequence): where exactly one fact belongs."""


def place_of(fact: Fact) -> FactPlace:
    """Where a fact belongs."""
    return fact.subject, fact.writer, fact.sequence


@dataclass(slots=True)
class Sorted(Generic[Carrier]):
    """`apply` in line, each writer's in order; `old` at or below what was seen (a repeat if its ce_id is known);
    `early` beyond a gap; `seen` is where each writer stands after `apply`."""

    apply: list[Carrier] = field(default_factory=list)
    old: list[Carrier] = field(default_factory=list)
    early: list[Carrier] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


def sort_out(seen: Mapping[str, int], arriving: Iterable[Carrier]) -> Sorted[Carrier]:
    """Sort facts of one episode (those parked before among them) by what may be applied now.

    `seen` is the last sequence of each writer. Of two facts with one sequence the first stands, the other is old.
    """
    found: Sorted[Carrier] = Sorted(seen=dict(seen))
    waiting: dict[tuple[str, int], Carrier] = {}
    for carrier in arriving:
        writer, sequence = carrier.fact.writer, carrier.fact.sequence
        at = found.seen.get(writer, 0)
        if sequence <= at:
            found.old.append(carrier)
        elif sequence == at + 1:
            found.apply.append(carrier)
            found.seen[writer] = sequence
            _catch_up(found, waiting, writer)
        elif (writer, sequence) in waiting:
            found.old.append(carrier)
        else:
            waiting[writer, sequence] = carrier
    found.early = [waiting[key] for key in sorted(waiting)]
    return found


def _catch_up(found: Sorted[Carrier], waiting: dict[tuple[str, int], Carrier], writer: str) -> None:
    while (carrier := waiting.pop((writer, found.seen[writer] + 1), None)) is not None:
        found.apply.append(carrier)
        found.seen[writer] += 1


def old_places(found: Iterable[Sorted[Carrier]]) -> set[FactPlace]:
    """Where old facts want to be: of whichever has been handled before, the ce_id is needed to tell repeats."""
    return {place_of(carrier.fact) for each in found for carrier in each.old}


def tell_repeats(found: Sequence[Sorted[Carrier]], handled: Mapping[FactPlace, str]) -> list[tuple[Carrier, bool]]:
    """Each old fact with whether it is a true repeat; else another fact has its number. `handled`: ce_ids of before.

    What is in line or early in this batch has its place too.
    """
    taken = dict(handled)
    taken |= {place_of(one.fact): one.fact.id for each in found for one in (*each.early, *each.apply)}
    return [(one, taken.get(place_of(one.fact)) == one.fact.id) for each in found for one in each.old]
