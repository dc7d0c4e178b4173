"""Placements that wait for the end of a stay: the first day moves with the plan, and the placement goes where the
program does not take the new day, or where the stay goes on too long (contract 3.7.2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of, leaving_day, midnight
from services.placement.continuum.standing import StandingPlacement
from services.placement.search.ahead import open_stay, ready_on, waiting_placements
from services.placement.search.keeping import cancelled
from services.placement.search.search import Desk, Policy
from services.placement.search.searches import MOVED, DeskFacts, Offer, Search
from services.placement.search.states import GIVEN_UP, MOVED_ON
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.levels import RANK, ROUND_THE_CLOCK
from shared.events.placing import OfferCountered
from shared.events.taking_back import FactCancelled, taken_back

GOES_ON = "stay-goes-on"
"""Reason of a placement that is cancelled since the patient is still in a 24-hour stay after the site's days."""


class WaitingPlacement(NamedTuple):
    """A placement whose stay has not begun, with the search and the offer that it came of."""

    placement: StandingPlacement
    search: Search
    offer: Offer


def moved(desk: Desk, folded: Folded, own: DeskFacts, policy: Policy, cause: tuple[str, ...]) -> Iterator[CareFact]:
    """The facts by which the first days of placements follow the plan of the open stay; none where all agrees.

    A first day before the expected end is countered with that day, and that is taken back where the agreed day is
    possible after all, or nobody waits for it any more; one that a person asked for stays until then. A placement whose
    program did not take the new day is cancelled. `cause`: ce_ids of the facts that changed the fold.
    """
    waits_by_offer = {one.offer.offer_id: one for one in waiting(folded, own)} if folded.placements else {}
    for search in own.searches:
        if search.placed_offer is None:
            continue
        offer = next(one for one in search.offers if one.offer_id == search.placed_offer)
        waits = waits_by_offer.get(offer.offer_id)
        if waits is not None and offer.moves and offer.state in GIVEN_UP:
            place = offer.facility or desk.about.facility
            yield cancelled(desk, waits.placement.placement_id, place, f"offer-{offer.state}", cause)
            continue
        day = _new_day(waits.placement, folded, policy) if waits and not folded.deaths else None
        if day is None and offer.state in MOVED_ON and (waits is None or offer.moved_to is not None):
            yield from _as_agreed(desk, own, offer, cause)
        elif waits is not None and day is not None and offer.state in MOVED_ON and offer.moved_to != day:
            yield _countered(desk, waits, own, policy, day=day, cause=cause)


def waiting(folded: Folded, own: DeskFacts) -> list[WaitingPlacement]:
    """The placements that wait for their first day and came of an offer."""
    left = {one.placement_id: one for one in waiting_placements(folded)}
    return [
        WaitingPlacement(left[search.placement_id], search, offer)
        for search in own.searches
        if search.placement_id in left and not search.started
        for offer in search.offers
        if offer.offer_id == search.placed_offer
    ]


def _new_day(placement: StandingPlacement, folded: Folded, policy: Policy) -> date | None:
    """The first day to ask for; None where the agreed one can be, as far as is known."""
    stay = open_stay(folded)
    if stay is None:
        days = [leaving_day(one.ended.at, policy.zone_of(one.facility)) for one in folded.stays if one.ended]
        return max(days) if days and max(days) > placement.start_date else None
    if stay.level is None or RANK[placement.level] <= RANK[stay.level]:
        return None
    day = ready_on(stay, policy)
    return day if day and day > placement.start_date else None


def _as_agreed(desk: Desk, own: DeskFacts, offer: Offer, cause: tuple[str, ...]) -> Iterator[FactCancelled]:
    for fact in own if offer.moves else ():
        if fact.id in offer.moves:
            yield taken_back(fact.value, fact.id, reason="as-agreed", now=desk.now, derived_from=cause)


def _countered(
    desk: Desk, waits: WaitingPlacement, own: DeskFacts, policy: Policy, *, day: date, cause: tuple[str, ...]
) -> OfferCountered:
    """The new day, as an offer to the program that the desk countered; placement and seat are kept for the site's
    days after the agreed day, or after today where that is later."""
    offer = waits.offer
    before = [fact.id for fact in own if fact.id in offer.moves and isinstance(fact.value, OfferCountered)]
    return OfferCountered(
        **desk.about._replace(facility=offer.facility or desk.about.facility).heading(desk.now),
        offer_id=offer.offer_id,
        program=offer.program,
        start_date=day,
        reason=MOVED,
        search_id=waits.search.search_id,
        expires_at=answer_to_a_move(desk, waits, policy),
        replaces=before[0] if before else None,
        derived_from=cause,
    )


def answer_to_a_move(desk: Desk, waits: WaitingPlacement, policy: Policy) -> datetime:
    """Until when a program may answer to another first day, placement and seat being kept: the site's days after the
    agreed day, or after today where that is later."""
    zone = policy.zone_of(waits.offer.facility or desk.about.facility)
    last = max(waits.placement.start_date, day_of(desk.now, zone)) + timedelta(days=policy.gap_days + 1)
    return midnight(last, zone)


def kept_until(placement: StandingPlacement, folded: Folded, policy: Policy, facility: str) -> datetime | None:
    """Until when a placement is kept for a patient who is in a 24-hour stay; None where no such stay is open.
    `facility`: the program's."""
    if not still_inside(folded):
        return None
    return midnight(placement.start_date + timedelta(days=policy.gap_days + 1), policy.zone_of(facility))


def still_inside(folded: Folded) -> bool:
    """True while the patient is in a 24-hour stay."""
    return any(_round_the_clock(stay) for stay in folded.stays)


def _round_the_clock(stay: StayState) -> bool:
    return stay.ended is None and stay.level in ROUND_THE_CLOCK


def refuse_inside(folded: Folded, until: datetime, visit: StayState | None = None) -> None:
    """Raises Rejected `stay-open` while a 24-hour stay is open that began before `until`, other than `visit`: a first
    day is neither told nor missed then."""
    if any(_round_the_clock(one) and one is not visit and one.begun < until for one in folded.stays):
        text = "the patient is still in a 24-hour stay, which has to end first"
        raise Rejected("stay-open", text, possible=("later", "placement-cancelled"))


def given_up(desk: Desk, folded: Folded, own: DeskFacts, policy: Policy) -> Sequence[CareFact]:
    """The cancels of placements that were kept for the site's days while a 24-hour stay went on."""
    found = []
    for waits in waiting(folded, own):
        facility = waits.offer.facility or desk.about.facility
        until = kept_until(waits.placement, folded, policy, facility)
        if until is not None and until <= desk.now and not waits.offer.moves:
            found.append(cancelled(desk, waits.placement.placement_id, facility, GOES_ON, ()))
    return found
