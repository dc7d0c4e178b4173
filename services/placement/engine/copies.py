"""Placement's facts of an episode that was merged into another one, restated there, and given back when the merge is
taken back (contract 3.6 rule 11). Pure.

What stands on both episodes decides it, not what happened: called again after what it states, it states nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from msgspec import structs

from services.placement.continuum.conflicts import conflict_id
from services.placement.continuum.fold import fold
from services.placement.continuum.leftovers import by_the_clock, names
from services.placement.continuum.merges import destinations, merges_of
from services.placement.continuum.model import Merged
from services.placement.continuum.replacements import roots_of
from services.placement.continuum.stay_facts import ZoneOf
from services.placement.engine.copied_reviews import CopiedReviews
from services.placement.search import waiting
from shared.events import ANNOUNCEMENTS, MERGING
from shared.events.base import CareFact
from shared.events.merging import LeftoverSettled
from shared.events.placing import (
    OfferWithdrawn,
    PlacementCancelled,
    SearchClosed,
    SearchOpened,
    Seat,
    Waitlisted,
    WaitlistLeft,
)
from shared.events.planning import ConflictSettled
from shared.events.reviews import Review
from shared.events.stays import Link, Merge
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.copying import COPY_GONE, Survivor, copy_over, mapped
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts

WRITER = "placement"
NOT_COPIED: tuple[type[CareFact], ...] = (*ANNOUNCEMENTS, *MERGING, Merge, Link, FactCancelled)
"""Facts that nobody copies: announcements follow from the fold, merges and links are of the retired episode itself, and
so is what is said of their ends."""
UNDOING = (SearchClosed, OfferWithdrawn, PlacementCancelled)
"""What the desk takes back by itself where a change asks for it; it names the cause in `derived_from`."""
State = Callable[..., Fact]
"""Called with a value and `copy_of`; states it as placement's next fact of the episode."""


class Stating(NamedTuple):
    """When, by which zones, and how a fact is stated in an episode."""

    now: datetime
    zone_of: ZoneOf
    state: State


class Ledger:
    """All facts of one episode, in no order, with what is read from them."""

    def __init__(self, episode_id: str, facts: Iterable[Fact]) -> None:
        self.episode_id = episode_id
        self.facts = sorted(facts, key=lambda fact: (fact.writer, fact.sequence))

    @cached_property
    def known(self) -> dict[str, Fact]:
        """ce_id → fact."""
        return {fact.id: fact for fact in self.facts}

    @cached_property
    def roots(self) -> dict[str, str]:
        """ce_id → the first of its chain of replacements."""
        return roots_of(self.facts)

    @cached_property
    def own(self) -> OwnFacts:
        """Placement's facts, by sequence."""
        return OwnFacts(fact for fact in self.facts if fact.writer == WRITER)

    @cached_property
    def standing(self) -> tuple[Fact, ...]:
        """The facts that their writer has neither cancelled nor replaced, without cancels."""
        gone = {
            (fact.writer, name)
            for fact in self.facts
            for name in (fact.value.replaces, fact.value.cancels if isinstance(fact.value, FactCancelled) else None)
        }
        return tuple(
            fact
            for fact in self.facts
            if (fact.writer, fact.id) not in gone and not isinstance(fact.value, FactCancelled)
        )

    @cached_property
    def going(self) -> dict[str, Merged]:
        """ce_id of a standing fact → the merge by which it counts in another episode."""
        merges = [one for one in merges_of(self.standing, self.roots) if one.into != self.episode_id]
        held = [fact for fact in self.standing if not isinstance(fact.value, Merge)]
        return destinations(held, merges) if merges else {}

    @cached_property
    def heads(self) -> dict[str, Fact]:
        """Root of a chain → the fact of it that stands."""
        return {self.roots[fact.id]: fact for fact in self.standing}


def restate(retired: Ledger, surviving: Ledger, how: Stating) -> list[Fact]:
    """State in the surviving episode what makes its copies those of the retired one's facts; returns the new facts."""
    originals = [
        fact
        for fact in retired.own
        if _goes(fact, retired, surviving) and not isinstance(fact.value, NOT_COPIED) and not fact.copy_of
    ]
    if not originals and not any(fact.copy_of in retired.roots for fact in surviving.own):
        return []
    return copy_over(originals, surviving.own, retired.roots, _Copies(retired, surviving, how))


def _goes(fact: Fact, retired: Ledger, surviving: Ledger) -> bool:
    merge = retired.going.get(fact.id)
    return merge is not None and merge.into == surviving.episode_id


class _Copies:
    """How a fact of the retired episode reads in the surviving one."""

    def __init__(self, retired: Ledger, surviving: Ledger, how: Stating) -> None:
        self.retired, self.surviving, self.how, self.now = retired, surviving, how, how.now
        copied = [fact for fact in surviving.standing if fact.copy_of in retired.roots]
        self.heads = {retired.roots[str(fact.copy_of)]: fact.id for fact in copied}
        self.roots = {retired.roots[str(fact.copy_of)]: surviving.roots[fact.id] for fact in copied}
        self.reviews = CopiedReviews(retired.own, surviving.standing)

    def state(self, value: CareFact, copy_of: str | None = None) -> Fact:
        """State it in the surviving episode, and take note of the copy."""
        fact = self.how.state(value, copy_of)
        self.reviews.take(value)
        if copy_of:
            root = self.retired.roots[copy_of]
            self.heads[root] = fact.id
            self.roots.setdefault(root, fact.id)
        return fact

    def line_of(self, value: CareFact) -> str:
        """Seats wait for no other facts: they would be free meanwhile (contract 5.5); nor does one review for
        others."""
        if isinstance(value, Review):
            return value.review_id
        return "seats" if isinstance(value, Seat) else ""

    def of(self, value: CareFact) -> CareFact | None:
        """The value of the copy; None while it names what has no copy yet."""
        merge = next(iter(self._merges(value)))
        found = mapped(value, Survivor(merge.into, merge.patient_id), self._named)
        if isinstance(found, ConflictSettled) and isinstance(value, ConflictSettled):
            return self._settled(value, found)
        if isinstance(found, Review) and isinstance(value, Review):
            return self.reviews.of(value, found, lambda ce_id: self.heads.get(self.retired.roots.get(ce_id, "")))
        return found

    def _merges(self, value: CareFact) -> Iterator[Merged]:
        going = [one for one in self.retired.going.values() if one.into == self.surviving.episode_id]
        yield from (one for one in going if one.facility == value.facility)
        yield from going

    def _named(self, field: str, ce_id: str) -> str | None:
        root = self.retired.roots.get(ce_id)
        if root is None:
            return ce_id
        found = self.heads.get(root) if field == "falls" else self.roots.get(root)
        return found or (None if self._will_come(root) else ce_id)

    def _will_come(self, root: str) -> bool:
        head = self.retired.heads.get(root)
        return head is not None and _goes(head, self.retired, self.surviving) and not isinstance(head.value, NOT_COPIED)

    def _settled(self, value: ConflictSettled, found: ConflictSettled) -> ConflictSettled | None:
        """The settlement of the same conflict between the copies; None while one of these has not been seen."""
        facts = [fact for fact in self.retired.standing if not isinstance(fact.value, ConflictSettled | Merge)]
        conflict = next((one for one in fold(facts, self.how.zone_of).conflicts if one.id == value.conflict_id), None)
        if conflict is None:
            return found
        named = [self._named("falls", one) for one in conflict.facts]
        if None in named:
            return None
        return structs.replace(found, conflict_id=conflict_id(conflict.kind, [one for one in named if one]))


def give_back(retired: Ledger, surviving: Ledger, now: datetime, states: tuple[State, State]) -> list[Fact]:
    """What was said in the surviving episode of the retired patient's stays and searches goes back with them once the
    merge is taken back: stated in the retired one, taken back in the surviving one; returns the new facts of both.

    `states`: how a fact is stated in the retired episode, and in the surviving one. What the desk undid there by itself
    is only taken back: it follows anew where it still does.
    """
    if not any(fact.copy_of in retired.roots for fact in surviving.facts):
        return []
    in_retired, in_surviving = states
    said: list[Fact] = []
    went: dict[str, str] = {}
    for fact in hanging(retired, surviving):
        if not _undone_by_rule(fact.value):
            said.append(in_retired(_as_before(fact.value, retired, surviving, went)))
            went[fact.id] = said[-1].id
        said.append(in_surviving(taken_back(fact.value, fact.id, reason=COPY_GONE, now=now)))
    for target, why in _cancels_of_copies(retired, surviving):
        said.append(in_retired(taken_back(target.value, target.id, reason=why, now=now)))
    return said


def _undone_by_rule(value: CareFact) -> bool:
    """Whether the desk took something back by itself: that follows anew where it still does."""
    if isinstance(value, WaitlistLeft):
        return value.reason in {waiting.SEATED, waiting.OVER}
    return isinstance(value, UNDOING) and bool(value.derived_from)


def _left_their_line(retired: Ledger, surviving: Ledger) -> Iterator[str]:
    """The ce_ids of the facts by which the retired patient left a line that was joined in the retired episode."""
    joined: dict[str, Fact] = {}
    for fact in surviving.own:
        if isinstance(fact.value, Waitlisted):
            joined[fact.value.program] = fact
        elif isinstance(fact.value, WaitlistLeft) and (by := joined.get(fact.value.program)) is not None:
            head = retired.heads.get(retired.roots.get(by.copy_of or "", ""))
            if head is not None and not _goes(head, retired, surviving):
                yield fact.id


def hanging(retired: Ledger, surviving: Ledger) -> list[Fact]:
    """Placement's own facts of the surviving episode that are about stays, searches, offers, placements, seats and
    authorizations of the retired one which do not count there, by sequence; a search also where its trigger is one of
    theirs, or goes back itself; and those of which a person said that they are the retired one's."""
    theirs = {name for fact in retired.standing if not _goes(fact, retired, surviving) for name in names(fact.value)}
    others = [fact for fact in surviving.standing if fact.writer != WRITER and not fact.copy_of]
    theirs -= {name for fact in others for name in names(fact.value)}
    given = _given_to(retired, surviving)
    if not theirs and not given:
        return []
    left = set(_left_their_line(retired, surviving))
    standing: set[str] = {fact.id for fact in surviving.standing}
    found: list[Fact] = []
    for fact in surviving.own:
        if fact.copy_of or fact.id not in standing or isinstance(fact.value, NOT_COPIED):
            continue
        mine = names(fact.value)
        if by_the_clock(fact.value):
            theirs |= mine if mine & theirs else set()
            continue  # it follows anew there
        given_back = surviving.roots[fact.id] in given or _triggered_there(fact.value, retired, surviving)
        if given_back or fact.id in left or mine & theirs or _follows(fact.value, found, surviving):
            theirs |= mine
            found.append(fact)
    return found


def _given_to(retired: Ledger, surviving: Ledger) -> set[str]:
    """Roots of the facts of the surviving episode that a person gave to the retired one."""
    return {
        surviving.roots.get(name, name)
        for fact in surviving.standing
        if isinstance(told := fact.value, LeftoverSettled)
        and fact.writer == WRITER
        and told.goes_to == retired.episode_id
        for name in told.facts
    }


def _follows(value: CareFact, found: Sequence[Fact], surviving: Ledger) -> bool:
    """Whether a search was opened by one of these facts, which go back."""
    trigger = value.trigger if isinstance(value, SearchOpened) else None
    return trigger is not None and surviving.roots.get(trigger) in {surviving.roots[one.id] for one in found}


def _triggered_there(value: CareFact, retired: Ledger, surviving: Ledger) -> bool:
    trigger = surviving.known.get(value.trigger or "") if isinstance(value, SearchOpened) else None
    original = retired.heads.get(retired.roots.get(trigger.copy_of or "", "")) if trigger else None
    return original is not None and not _goes(original, retired, surviving)


def _as_before(value: CareFact, retired: Ledger, surviving: Ledger, went: Mapping[str, str]) -> CareFact:
    """The value as it is said in the retired episode; `went`: ce_id → that of the same fact there, where it went."""

    def named(_field: str, ce_id: str) -> str:
        fact = surviving.known.get(ce_id)
        return went.get(ce_id) or (fact.copy_of if fact and fact.copy_of in retired.roots else None) or ce_id

    patient = next(fact.value.patient_id for fact in retired.standing)
    found = mapped(value, Survivor(retired.episode_id, patient), named)
    first = surviving.known.get(surviving.roots.get(value.replaces or "", ""))
    head = retired.heads.get(retired.roots.get(first.copy_of or "", "")) if first else None
    return structs.replace(found or value, replaces=head.id if head else None)


def _cancels_of_copies(retired: Ledger, surviving: Ledger) -> Iterator[tuple[Fact, str]]:
    """The facts of the retired episode whose copy somebody took back in the surviving one, each with the reason."""
    for fact in surviving.own:
        if not isinstance(fact.value, FactCancelled) or fact.value.reason == COPY_GONE:
            continue
        copied = surviving.known.get(fact.value.cancels)
        head = retired.heads.get(retired.roots.get(copied.copy_of or "", "")) if copied else None
        if head is None or by_the_clock(head.value):
            continue
        if head.writer == WRITER and not _goes(head, retired, surviving):
            yield head, fact.value.reason
