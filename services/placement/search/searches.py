"""The searches of an episode and their offers, read from the facts that placement stated. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from typing import Final

from services.placement.continuum.merges import destinations
from services.placement.continuum.model import Merged, StayKey
from services.placement.search.states import ANSWERABLE, OfferState, SearchState
from shared.events import AUTHORIZATIONS, PLACING, REVIEWS
from shared.events.base import CareFact
from shared.events.levels import Level
from shared.events.open_lists import BegunBy, SearchReason
from shared.events.placing import (
    LevelOrNone,
    Needs,
    OfferAccepted,
    OfferCountered,
    OfferDeclined,
    OfferExpired,
    OfferReopened,
    OfferSent,
    OfferWithdrawn,
    Placed,
    SearchClosed,
    SearchOpened,
    SeatHeld,
    SeatReleased,
)
from shared.events.placing import Offer as OfferMove
from shared.events.planning import (
    ConflictSettled,
    DischargePlanCancelled,
    DischargePlanned,
    MedicationRecorded,
    PlanRecorded,
    ReadyForStep,
)
from shared.events.stays import Attended, Completed, Discontinued, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.values import replace, value_object

_FACTS: tuple[type[CareFact], ...] = (
    *PLACING, *AUTHORIZATIONS, *REVIEWS, Started, Attended, Completed, Discontinued, ConflictSettled, PlanRecorded,
    ReadyForStep, DischargePlanned, DischargePlanCancelled, MedicationRecorded, FactCancelled,
)  # fmt: skip
DESK: Final = frozenset(kind.TYPE for kind in _FACTS)
"""Names of placement's own facts from which the desk's state (searches, seats, first days, lists) is read."""
_STATES: Final[dict[type[CareFact], OfferState]] = {
    OfferSent: OfferState.SENT,
    OfferCountered: OfferState.COUNTERED,
    OfferAccepted: OfferState.ACCEPTED,
    OfferDeclined: OfferState.DECLINED,
    OfferExpired: OfferState.EXPIRED,
    OfferWithdrawn: OfferState.WITHDRAWN,
    OfferReopened: OfferState.SENT,
}
"""Type of a fact about an offer → the offer's state after it."""


MOVED: Final = "plan-moved"
"""Reason of an offer that the desk countered itself, since the patient leaves later than the agreed first day."""


@value_object
class Offer:
    """One offer of a search by the facts about it. `facility`: the program's; `reason`: of the latest fact.

    `moves`: ce_ids of the counters since it was accepted, the first of them the desk's own; `moved_to`: the first day
    that the desk asks for by them.
    """

    offer_id: str
    program: str
    state: OfferState = OfferState.NONE
    level: Level | None = None
    start_date: date | None = None
    track: str | None = None
    group: str | None = None
    variance_reason: str | None = None
    expires_at: datetime | None = None
    facility: str = ""
    reason: str | None = None
    moves: tuple[str, ...] = ()
    moved_to: date | None = None


@value_object
class Search:
    """One search by the facts about it. `fact`: ce_id of the fact that opened or restated it last; `trigger`: the root
    of what it came from, a discharge, completion, plan, referral or assessment; None: a person.

    `stay`: the stay that was open when it began; `ready_on`: the first day looked for, None: as soon as possible.
    """

    search_id: str
    state: SearchState
    from_level: LevelOrNone
    recommended_level: Level
    needs: Needs
    fact: str
    trigger: str | None = None
    reason: SearchReason | None = None
    offers: tuple[Offer, ...] = ()
    placement_id: str | None = None
    closed_at: datetime | None = None
    started: bool = False
    """True when a first day was stated for its placement and stands, with effect or without."""
    facility: str = ""
    """The facility of the stay that ended or is open, or of the referral."""
    begun_by: BegunBy | None = None
    stay: StayKey | None = None
    ready_on: date | None = None
    opened_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    policy: str | None = None
    placed_offer: str | None = None
    """The offer that its placement came of."""
    placed_fact: str | None = None
    """ce_id of the latest statement of its placement."""

    @property
    def waiting(self) -> tuple[Offer, ...]:
        """The offers that are not answered yet."""
        return tuple(one for one in self.offers if one.state in ANSWERABLE)


class DeskFacts(OwnFacts):
    """Placement's own facts of one episode, by sequence, with the searches and seats that are read from them."""

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> DeskFacts:
        """Placement's among these facts of one episode, which may be given in any order."""
        return cls(sorted([fact for fact in facts if fact.writer == "placement"], key=attrgetter("sequence")))

    def without_merged(self, merges: Sequence[Merged]) -> DeskFacts:
        """Without those that count in another episode by these merges (contract 3.6 rule 11)."""
        gone = destinations(self, merges) if merges else {}
        return DeskFacts([fact for fact in self if fact.id not in gone]) if gone else self

    @cached_property
    def searches(self) -> tuple[Search, ...]:
        """The episode's searches, the latest last. Among those of merged episodes one that is open is the latest."""
        found: dict[str, Search] = {}
        for fact in self:
            if isinstance(fact.value, SearchOpened):
                _opened(fact.id, fact.value, found)
            elif fact.id not in self.fallen:
                _read(fact, found)
        left = [one for one in found.values() if one.fact not in self.cancelled]
        if [fact for fact in self if fact.copy_of]:
            since = _since(self)
            left.sort(key=lambda one: (one.state is SearchState.OPEN, since[one.search_id]))
        return tuple(left)

    @cached_property
    def seats(self) -> tuple[SeatHeld | SeatReleased, ...]:
        """The facts about seats, in the order in which they were stated."""
        return tuple(
            [
                told
                for fact in self
                if isinstance(told := fact.value, SeatHeld | SeatReleased) and fact.id not in self.fallen
            ]
        )

    @property
    def latest(self) -> Search | None:
        """The latest search, open or closed; None where there was none."""
        return self.searches[-1] if self.searches else None

    @property
    def open(self) -> list[Search]:
        """The searches that are open, the most urgent first: by the first day looked for, then the longest open."""
        found = [one for one in self.searches if one.state is SearchState.OPEN]
        return sorted(found, key=_urgency) if len(found) > 1 else found


def _urgency(search: Search) -> date:
    return search.ready_on or date.min


def most_urgent(found: Sequence[Search]) -> Search | None:
    """Of these searches the open one with the earliest first day looked for, else the latest; None: there is none."""
    waiting = [one for one in found if one.state is SearchState.OPEN]
    return min(waiting, key=_urgency) if waiting else next(reversed(found), None)


def _since(own: Iterable[Fact]) -> dict[str, datetime]:
    """Search → when it was opened first."""
    found: dict[str, datetime] = {}
    for fact in own:
        if isinstance(told := fact.value, SearchOpened):
            search_id = told.search_id or told.replaces or fact.id
            found[search_id] = min(found.get(search_id, told.occurred_at), told.occurred_at)
    return found


def _opened(ce_id: str, told: SearchOpened, found: dict[str, Search]) -> None:
    """Add a search, or change what is looked for in one that is restated, which keeps its offers."""
    search_id = told.search_id or told.replaces or ce_id
    before = found.get(search_id)
    now = Search(
        search_id,
        SearchState.OPEN,
        told.from_level,
        told.recommended_level,
        told.needs,
        ce_id,
        told.trigger,
        facility=told.facility,
        begun_by=told.begun_by,
        stay=(told.stay.kind, told.stay.id) if told.stay else None,
        ready_on=told.ready_on,
        opened_at=told.occurred_at,
        reasons=told.reasons,
        policy=told.policy,
    )
    found[search_id] = now if before is None else _looking_for(before, now)


def _looking_for(before: Search, now: Search) -> Search:
    return replace(
        before,
        from_level=now.from_level,
        recommended_level=now.recommended_level,
        needs=now.needs,
        fact=now.fact,
        trigger=now.trigger,
        facility=now.facility,
        begun_by=now.begun_by,
        stay=now.stay,
        ready_on=now.ready_on,
        reasons=now.reasons,
        policy=now.policy,
    )


def _read(fact: Fact, found: dict[str, Search]) -> None:
    match told := fact.value:
        case SearchClosed() if search := _named(told.search_id, found):
            found[search.search_id] = replace(
                search, state=SearchState.CLOSED, reason=told.reason, closed_at=told.occurred_at
            )
        case OfferMove() if search := _named(told.search_id, found):
            found[search.search_id] = _moved(search, told, fact.id)
        case Placed() | Started():
            _placed(told, found, fact.id)


def _named(search_id: str | None, found: dict[str, Search]) -> Search | None:
    """The search that a fact names, else the latest; facts of the first version name none."""
    return found.get(search_id or next(reversed(found), ""))


def _moved(search: Search, told: OfferMove, ce_id: str) -> Search:
    before = {one.offer_id: one for one in search.offers}
    offer = before.get(told.offer_id) or Offer(told.offer_id, told.program)
    accepted = offer.state is OfferState.ACCEPTED or bool(offer.moves)
    offer = replace(offer, state=_STATES[type(told)], facility=told.facility, reason=told.reason)
    if told.start_date is not None:
        offer = replace(offer, start_date=told.start_date)
    match told:
        case OfferSent(level=level, track=track, group=group, variance_reason=why):
            offer = replace(
                offer, level=level, track=track, group=group, variance_reason=why, expires_at=told.expires_at
            )
        case OfferReopened(expires_at=expires_at):
            offer = replace(offer, expires_at=expires_at)
        case OfferCountered(reason=why, start_date=day, expires_at=expires_at) if accepted:
            offer = replace(offer, moves=(*offer.moves, ce_id), expires_at=expires_at or offer.expires_at)
            offer = replace(offer, moved_to=day) if why == MOVED else offer
        case OfferAccepted():
            offer = replace(offer, moves=(), moved_to=None) if offer.moves else offer
    before[offer.offer_id] = offer
    return replace(search, offers=tuple(before.values()))


def _placed(told: Placed | Started, found: dict[str, Search], ce_id: str) -> None:
    for search in list(found.values()):
        if isinstance(told, Started):
            if told.placement_id and search.placement_id == told.placement_id:
                found[search.search_id] = replace(search, started=True)
        elif told.offer_id in {one.offer_id for one in search.offers}:
            found[search.search_id] = replace(
                search, placement_id=told.placement_id, placed_offer=told.offer_id, placed_fact=ce_id
            )
