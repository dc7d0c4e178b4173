"""What the desk stated while another patient's records counted in an episode, and what hangs on the records of neither
once the merge is taken back (contract 3.6 rule 11). Pure.

It stays where it was stated until a person says whose it is: an authorization asked for meanwhile, who is in charge, a
plan of treatment, a certification.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.placement.continuum.replacements import roots_of
from services.placement.continuum.standing import EndedMerge, Leftover
from shared.events import ANNOUNCEMENTS, MERGING
from shared.events.base import CareFact
from shared.events.merging import MergeEnded
from shared.events.placing import SearchOpened, Waitlisted, WaitlistLeft
from shared.events.planning import ConflictSettled
from shared.events.reviews import ReviewDone, ReviewDue
from shared.events.stays import Link, Merge
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts

WRITER = "placement"
Name = tuple[str, str]
"""(kind, id) of what a fact is about."""
_NAMED = ("search_id", "offer_id", "placement_id", "seat_id", "auth_id", "review_id")
_OF_NOBODY: tuple[type[CareFact], ...] = (*ANNOUNCEMENTS, *MERGING, Merge, Link, FactCancelled, ConflictSettled)
"""Facts that say nothing of a patient by themselves: they follow from others, or name them."""


def names(value: CareFact) -> frozenset[Name]:
    """What a fact is about, as (kind, id): its stay, search, offer, placement, seat, authorization, review."""
    found = {(name, str(told)) for name in _NAMED if (told := getattr(value, name, None))}
    if value.stay is not None:
        found.add((value.stay.kind, value.stay.id))
        if value.stay.kind == "placement":
            found.add(("placement_id", value.stay.id))
    if isinstance(value, ReviewDue) and value.of.kind == "authorization":
        found.add(("auth_id", value.of.id))
    return frozenset(found)


def by_the_clock(value: CareFact) -> bool:
    """Whether it says of a review what follows from other facts: that it is due, or was done by one of them."""
    return isinstance(value, ReviewDue) or (isinstance(value, ReviewDone) and bool(value.derived_from))


def ended_merges(facts: Iterable[Fact]) -> tuple[EndedMerge, ...]:
    """The merges that these `merge-ended` facts tell of, by time."""
    found = (
        EndedMerge(told.retired_episode_id, told.facility, told.since, told.until)
        for fact in facts
        if isinstance(told := fact.value, MergeEnded)
    )
    return tuple(sorted(found, key=lambda one: (one.since, one.until, one.retired, one.facility)))


def leftovers(
    facts: Iterable[Fact], ended: Sequence[EndedMerge], elsewhere: Collection[str], kept: Collection[str]
) -> tuple[Leftover, ...]:
    """What these merges left in the episode of which `facts` are all, in any order.

    `elsewhere`: ce_ids of the facts that count in another episode by a merge that stands; `kept`: those of which a
    person said that they stay.
    """
    known = {fact.id: fact for fact in facts}
    own = OwnFacts(sorted((f for f in known.values() if f.writer == WRITER), key=lambda fact: fact.sequence))
    sorting = _Sorting(ended, known, roots_of(own))
    for fact in own:
        if fact.id in own.fallen or fact.copy_of or fact.id in elsewhere or by_the_clock(fact.value):
            continue
        if not isinstance(fact.value, _OF_NOBODY):
            sorting.take(fact)
    return tuple(one.told(kept, sorting.roots) for one in sorting.groups)


@dataclass(slots=True)
class _Group:
    """Facts about one thing, such as an authorization, or one fact about none."""

    merge: EndedMerge
    first: Fact
    at: datetime
    names: set[Name]
    ids: list[str] = field(default_factory=list)

    def told(self, kept: Collection[str], roots: Mapping[str, str]) -> Leftover:
        """The group as the fold has it."""
        root, facility = roots[self.first.id], self.first.value.facility
        settled = {roots.get(one, one) for one in kept}
        return Leftover(
            root, tuple(self.ids), facility, self.at, self.merge.retired, self.merge.facility, root in settled
        )


class _Sorting:
    """The facts of the desk, taken by sequence: those that the episode has by itself, and those that a merge left."""

    def __init__(self, ended: Sequence[EndedMerge], known: Mapping[str, Fact], roots: Mapping[str, str]) -> None:
        self.ended, self.known, self.roots = ended, known, roots
        others = (fact.value for fact in known.values() if fact.writer != WRITER and not fact.copy_of)
        self.mine = {name for value in others for name in names(value)}
        self.groups: list[_Group] = []

    def take(self, fact: Fact) -> None:
        """Add a fact to the group that it belongs to; none where it is about something that the episode has."""
        about, at = _about(fact.value), self._first_told(fact)
        group = next((one for one in self.groups if one.names & about), None)
        if group is None and (about & self.mine or self._follows(fact.value)):
            self.mine |= about
            return
        if group is None:
            merge = next((one for one in self.ended if one.since <= at < one.until), None)
            if merge is None:
                self.mine |= about
                return
            group = _Group(merge, fact, at, set())
            self.groups.append(group)
        group.names |= about
        group.ids.append(fact.id)

    def _first_told(self, fact: Fact) -> datetime:
        first = self.known.get(self.roots[fact.id], fact)
        return first.value.recorded_at

    def _follows(self, value: CareFact) -> bool:
        """True for a search that began with something that the episode has by itself."""
        trigger = self.known.get(value.trigger or "") if isinstance(value, SearchOpened) else None
        return trigger is not None and not trigger.copy_of


def _about(value: CareFact) -> frozenset[Name]:
    """What a fact is about; a place in a line is of the program."""
    waits = {("waiting", value.program)} if isinstance(value, Waitlisted | WaitlistLeft) else set[Name]()
    return names(value) | waits
