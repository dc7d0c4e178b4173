"""Which records of an episode were merged into another patient's episode, and whose they are (contract 3.6 rule 11,
promise 10). Pure.

A merge that one facility said concerns that facility's records alone. While it stands, they count nowhere in the
retired episode; nothing of them is deleted, so that all is as it was once the merge is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.placement.continuum.model import Closing, Folded, Merged
from shared.events.base import CareFact
from shared.events.merging import LeftoverSettled, MergeEnded
from shared.events.placing import Offer, Placed, Placement, Searched, SearchOpened, Seat
from shared.events.stays import Merge, PatientDied, PatientsMerged, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact


def merges_of(standing: Iterable[Fact], roots: dict[str, str]) -> tuple[Merged, ...]:
    """The merges that stand among the standing facts of one episode: of each facility and retired patient what intake
    said last. `roots`: ce_id of a fact that replaces another → the first of its chain."""
    said: dict[tuple[str, str], Fact] = {}
    for fact in sorted(standing, key=lambda one: one.sequence):
        if isinstance(told := fact.value, Merge):
            said[told.facility, told.retired_patient_id] = fact
    return tuple(
        Merged(
            facility=told.facility,
            into=told.surviving_episode_id,
            patient_id=told.surviving_patient_id,
            retired_patient_id=told.retired_patient_id,
            at=told.occurred_at,
            fact=fact.id,
            root=roots.get(fact.id, fact.id),
            by=told.by,
            episode_patient_id=told.patient_id,
        )
        for _, fact in sorted(said.items())
        if isinstance(told := fact.value, PatientsMerged)
    )


def patient_now(patient_id: str, merges: Iterable[Merged], episode_id: str) -> str:
    """The patient of an episode that stays, by the merges in it: the surviving one for a retired one."""
    return next(
        (one.patient_id for one in merges if one.into == episode_id and one.retired_patient_id == patient_id),
        patient_id,
    )


def destinations(facts: Sequence[Fact], merges: Sequence[Merged]) -> dict[str, Merged]:
    """ce_id → the merge by which a fact of the episode counts in another one; the others are absent.

    `merges`: those by which records go. A search, its offers, its placement and seats are the facility's that looks for
    a program; once the placement's stay has begun, the stay's. Where no other facility has a record in the episode, all
    of it goes.
    """
    going = {one.facility: one for one in merges}
    others = {fact.value.facility for fact in facts if not _of_the_person(fact.value)}.difference(going)
    if not others and len({one.into for one in merges}) == 1:
        return {fact.id: going.get(fact.value.facility, merges[0]) for fact in facts}
    owner = _owners(facts)
    return {fact.id: going[owner[fact.id]] for fact in facts if owner[fact.id] in going}


def _of_the_person(value: CareFact) -> bool:
    return isinstance(value, PatientDied | Merge | MergeEnded | LeftoverSettled)


def _owners(facts: Sequence[Fact]) -> dict[str, str]:
    """ce_id → the facility that the fact belongs to."""
    owners = _Owners(facts)
    found = {fact.id: owners.of(fact.value) for fact in facts if not isinstance(fact.value, FactCancelled)}
    for fact in facts:
        if isinstance(fact.value, FactCancelled):
            found[fact.id] = found.get(fact.value.cancels, fact.value.facility)
    return found


class _Owners:
    """Whose the searches, offers and placements of an episode are."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        values = [fact.value for fact in facts]
        self.searches = {
            one.search_id: one.facility for one in values if isinstance(one, SearchOpened) and one.search_id
        }
        offers = [one for one in values if isinstance(one, Offer)]
        self.offers = {one.offer_id: one.search_id for one in offers if one.search_id}
        placed = [one for one in values if isinstance(one, Placed)]
        self.placements = {one.placement_id: self.offers.get(one.offer_id or "") for one in placed}
        for one in values:
            search = self.placements.get(one.placement_id or "") if isinstance(one, Started) else None
            if search:
                self.searches[search] = one.facility

    def of(self, value: CareFact) -> str:
        """The facility that a fact belongs to."""
        search: str | None = None
        match value:
            case Searched(search_id=found):
                search = found
            case Offer(offer_id=offer):
                search = self.offers.get(offer)
            case Placement(placement_id=placement) | Seat(placement_id=placement):
                search = self.placements.get(placement or "")
        return self.searches.get(search or "", value.facility)


def gone(start: Folded, facts: Iterable[Fact]) -> Folded:
    """The episode of which every record was merged into another's: closed since the first merge, with its patient and
    labels as they were, and nothing else. `facts`: what it held."""
    first = min(start.retiring, key=lambda one: (one.at, one.fact))
    labels = {label for fact in facts for label in fact.value.labels}
    return Folded(
        start.episode_id,
        patient_id=first.episode_patient_id,
        facility=first.facility,
        labels=tuple(sorted(labels)),
        ended_at=first.at,
        ended_reason="merged",
        state="closed",
        since=first.at,
        closings=(Closing(first.at, "merged", first.fact, first.root),),
        merged=start.merged,
    )
