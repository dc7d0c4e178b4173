"""Sorts one episode's arriving facts by each writer's sequence: next in line, repeated, or too early. Pure.

Where a sequence was used before, the ce_id tells a repeat from a different fact, which is refused (contract 5.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shared.facts.envelope import Fact


class HasFact(Protocol):
    """Any object that carries a fact."""

    @property
    def fact(self) -> Fact: ...


Carrier = TypeVar("Carrier", bound=HasFact)
FactPlace = tuple[str, str, int]
"""(subject, writer, sequence): where exactly one fact belongs."""


def place_of(fact: Fact) -> FactPlace:
    """The fact's place: (episode, writer, sequence)."""
    return fact.subject, fact.writer, fact.sequence


@dataclass(slots=True)
class Sorted(Generic[Carrier]):
    """`apply`: next in line, each writer's by sequence; `old`: a sequence used before, a repeat if the ce_id is the
    same; `early`: after a gap. `seen`: each writer's last sequence once `apply` is applied."""

    apply: list[Carrier] = field(default_factory=list)
    old: list[Carrier] = field(default_factory=list)
    early: list[Carrier] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


def sort_out(seen: Mapping[str, int], arriving: Iterable[Carrier]) -> Sorted[Carrier]:
    """Sort the facts of one episode, those parked before among them, by what can be applied now.

    `seen` is each writer's last sequence. Of two facts with one sequence the first counts, the other is old.
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
    """The places of old facts: which ce_id was handled there before has to be looked up, to tell repeats."""
    return {place_of(carrier.fact) for each in found for carrier in each.old}


def tell_repeats(found: Sequence[Sorted[Carrier]], handled: Mapping[FactPlace, str]) -> list[tuple[Carrier, bool]]:
    """Each old fact, with True for a repeat and False for a different fact with a used sequence. `handled`: place →
    ce_id of the fact handled there before; places of facts in this batch are taken from it."""
    taken = dict(handled)
    taken |= {place_of(one.fact): one.fact.id for each in found for one in (*each.early, *each.apply)}
    return [(one, taken.get(place_of(one.fact)) == one.fact.id) for each in found for one in each.old]
