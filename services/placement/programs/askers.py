"""Which facility asked for an offer, a placement, a seat or a place on a waiting list: the one of the search behind it.
Pure.

That facility sees them too, though the program is another's (contract 5.9).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.placement.search.searches import DeskFacts, Search
from shared.events.placing import Placed, SearchOpened, SeatHeld, Waitlisted
from shared.facts.envelope import Fact


def offers_asked_for(found: Iterable[Search]) -> dict[str, str]:
    """Offer → the facility of its search."""
    return {offer.offer_id: one.facility for one in found for offer in one.offers if one.facility}


def placements_asked_for(own: Sequence[Fact], found: Iterable[Search]) -> dict[str, str]:
    """Placement → the facility of the search that it came of. `own`: placement's facts; `found`: the searches in
    them."""
    by_offer = offers_asked_for(found)
    placed = (fact.value for fact in own if isinstance(fact.value, Placed))
    return {one.placement_id: by_offer[one.offer_id] for one in placed if one.offer_id in by_offer}


def seats_asked_for(own: DeskFacts) -> dict[str, str]:
    """Seat → the facility that asked for it: of the placement's search, or the one whose desk holds it."""
    by_placement = placements_asked_for(own, own.searches)
    found: dict[str, str] = {}
    for fact in own:
        seat = fact.value
        if isinstance(seat, SeatHeld) and seat.seat_id:
            asker = seat.asked_by or by_placement.get(seat.placement_id or "")
            found |= {seat.seat_id: asker} if asker else {}
    return found


def lines_asked_for(own: Iterable[Fact]) -> dict[str, str]:
    """ce_id of a `waitlisted` fact → the facility of the latest search before it. `own`: placement's facts, by
    sequence."""
    facility, found = "", dict[str, str]()
    for fact in own:
        if isinstance(fact.value, SearchOpened):
            facility = fact.value.facility
        elif isinstance(fact.value, Waitlisted) and facility:
            found[fact.id] = facility
    return found
