"""A placement before its first day: cancelled, standing again, or the day missed. Pure.

The stay that it becomes is in programs/attendance.py. A new search opens by itself when no placement stands any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingPlacement
from services.placement.search.first_days import refuse_inside
from services.placement.search.search import BY_A_DEATH, DesiredSearch, became
from services.placement.search.searches import DeskFacts, Search
from services.placement.search.states import BY_A_PERSON, SearchState
from shared.errors import Rejected
from shared.events.base import LabelledHeading
from shared.events.placing import (
    OfferWithdrawn,
    Placed,
    PlacementCancelled,
    SearchClosed,
    StartMissed,
    WaitlistLeft,
)
from shared.events.stays import Started
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts


def cancel(folded: Folded, own: OwnFacts, heading: LabelledHeading, which: str, reason: str) -> PlacementCancelled:
    """A placement is cancelled; that its seat is released and a search opens follows from the fact. `which`: the
    placement's id; `heading`: with the program's facility.

    Raises Rejected: `cancelled` already, or `started` (then the stay has to be ended instead).
    """
    waits(folded, own, which)
    return PlacementCancelled(**heading, placement_id=which, reason=reason)


def brought_back(
    folded: Folded, own: OwnFacts, now: datetime, cause: tuple[str, ...] = ()
) -> tuple[FactCancelled, ...]:
    """When no death is reported any more, the cancels of those cancellations that a death had caused (contract 3.6 rule
    13), so that these placements stand again; `cause`: ce_ids of what changed.

    A cancellation by a person names no cause, and stays.
    """
    if folded.deaths:
        return ()
    return tuple(
        taken_back(fact.value, fact.id, reason="death-taken-back", now=now, derived_from=cause)
        for fact in own
        if isinstance(fact.value, PlacementCancelled) and fact.id not in own.cancelled and _by_a_death(fact.value)
    )


def reopened(
    folded: Folded, own: DeskFacts, wants: Sequence[DesiredSearch], now: datetime, cause: tuple[str, ...] = ()
) -> tuple[FactCancelled, ...]:
    """In an episode that had another one's records by a merge: the cancels of what closed the wanted search by itself,
    so that it goes on as it was, with its offers; `cause`: ce_ids of what changed (contract 3.6 rule 11)."""
    if not wants or not folded.copies:
        return ()
    want = wants[0]
    found = own.searches
    if any(one.state is SearchState.OPEN for one in found):
        return ()
    search = next((one for one in reversed(found) if one.trigger == want.trigger), None)
    closing = next((fact for fact in reversed(own) if _closed_by_itself(fact, search, own)), None)
    if search is None or closing is None or search.reason in BY_A_PERSON:
        return ()
    return tuple(
        taken_back(fact.value, fact.id, reason="merge-taken-back", now=now, derived_from=cause)
        for fact in own
        if fact.id not in own.fallen and (fact is closing or _went_with(fact, closing, search.search_id))
    )


def _closed_by_itself(fact: Fact, search: Search | None, own: DeskFacts) -> bool:
    told = fact.value
    mine = isinstance(told, SearchClosed) and search is not None and told.search_id == search.search_id
    return mine and bool(told.derived_from) and fact.id not in own.fallen


def _went_with(fact: Fact, closing: Fact, search_id: str) -> bool:
    """True for an offer that was withdrawn, and a waiting list that was left, since the search was closed."""
    told = fact.value
    if isinstance(told, OfferWithdrawn):
        return told.search_id == search_id and told.derived_from == closing.value.derived_from
    return isinstance(told, WaitlistLeft) and told.recorded_at == closing.value.recorded_at


def _by_a_death(told: PlacementCancelled) -> bool:
    return told.reason in BY_A_DEATH and bool(told.derived_from)


def miss(folded: Folded, own: OwnFacts, heading: LabelledHeading, which: str, today: date) -> StartMissed:
    """The patient did not come on the agreed first day; placement and seat stay. `today`: the day at the facility.

    Raises Rejected: `cancelled`, `started`, `stay-open` (in a 24-hour stay), `missed` already, `not-due` before
    that day.
    """
    placement = waits(folded, own, which)
    refuse_inside(folded, heading["recorded_at"])
    if missed(own, which, placement.start_date) is not None:
        possible = ("started", "first-day", "cancelled")
        raise Rejected("missed", "it is known that the first day was missed", possible=possible)
    if today < placement.start_date:
        raise Rejected("not-due", "the first day has not come yet", possible=("started", "first-day", "cancelled"))
    return StartMissed(**heading, placement_id=which, start_date=placement.start_date)


def missed(own: OwnFacts, which: str, agreed: date) -> Fact | None:
    """The fact that the first day `agreed` now was missed; None where it was not, as far as is told.

    One that names no day is about the day that was agreed when it was stated.
    """
    found = None
    for fact in own:
        told = fact.value
        if fact.id in own.fallen or not isinstance(told, Placed | StartMissed) or told.placement_id != which:
            continue
        if isinstance(told, StartMissed):
            found = fact if told.start_date in {None, agreed} else found
        elif found is not None and isinstance(found.value, StartMissed) and found.value.start_date is None:
            found = None
    return found


def not_missed(folded: Folded, own: OwnFacts, which: str, reason: str, now: datetime) -> FactCancelled:
    """It was told in error that the first day was missed. Raises Rejected: `cancelled`, `started`, `not-missed`."""
    found = missed(own, which, waits(folded, own, which).start_date)
    if found is None:
        raise Rejected("not-missed", "nobody said that the agreed first day was missed", possible=("start-missed",))
    return taken_back(found.value, found.id, reason=reason, now=now)


def came_after_all(
    folded: Folded, own: OwnFacts, zone_of: Callable[[str], ZoneInfo], now: datetime
) -> tuple[FactCancelled, ...]:
    """Where a stay turns out to have begun on a first day that was said to be missed, or before it, the cancels of
    that; nothing where the patient came later."""
    found = []
    for fact in own:
        told = fact.value
        if not isinstance(told, StartMissed) or fact.id in own.fallen or told.start_date is None:
            continue
        stay = stay_of(told.placement_id, folded)
        if stay is not None and day_of(stay.begun, zone_of(stay.facility)) <= told.start_date:
            cause = (stay.segments[0].fact,)
            found.append(taken_back(told, fact.id, reason="came-after-all", now=now, derived_from=cause))
    return tuple(found)


def stay_of(which: str, folded: Folded) -> StayState | None:
    """The stay that a placement became, whether the desk or ADT reported it; None before that."""
    placement = next((one for one in folded.placements if one.placement_id == which), None)
    return next((stay for stay in folded.stays if placement and became(placement, stay)), None)


def waits(folded: Folded, own: OwnFacts, which: str) -> StandingPlacement:
    """The placement, where it stands and has not begun. Raises Rejected: `cancelled`, `started`."""
    found = next((one for one in folded.placements if one.placement_id == which), None)
    if found is None:
        raise Rejected("cancelled", "the placement was cancelled")
    if any(which in _names(stay) for stay in folded.stays):
        raise Rejected("started", "the patient has started there", possible=("completed", "discontinued"))
    stand = (fact.value for fact in own if fact.id not in own.fallen)
    if any(isinstance(told, Started) and told.placement_id == which for told in stand):
        text = "it was told that the patient has started there, which has no effect"
        raise Rejected("started", text, possible=("started-corrected", "start-withdrawn"))
    return found


def _names(stay: StayState) -> set[str | None]:
    return {stay.placement_id, *(name for kind, name in (stay.key, *stay.aliases) if kind == "placement")}
