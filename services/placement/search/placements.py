"""A placement before its first day: cancelled, brought back, or the day missed; its stay is attendance's. Pure.

Placing again is the search's: it opens by itself once no placement stands.
"""

from __future__ import annotations

from datetime import date, datetime

from services.placement.continuum.model import Folded, StandingPlacement, StayState
from services.placement.search.search import BY_A_DEATH
from shared.errors import Rejected
from shared.events.base import LabelledHeading
from shared.events.placing import PlacementCancelled, StartMissed
from shared.events.stays import Started
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.restating import OwnFacts


def cancel(folded: Folded, own: OwnFacts, heading: LabelledHeading, which: str, reason: str) -> PlacementCancelled:
    """The placement will not be; its seat is given back and the search goes on, as what follows. `heading` is at the
    program's facility.

    Raises Rejected: `cancelled`, `started` (say what became of the stay instead).
    """
    _waits(folded, own, which)
    return PlacementCancelled(**heading, placement_id=which, reason=reason)


def brought_back(
    folded: Folded, own: OwnFacts, now: datetime, cause: tuple[str, ...] = ()
) -> tuple[FactCancelled, ...]:
    """A death that was told by mistake: the placements that it had cancelled stand again (contract 3.6 rule 13).

    What a person cancelled names no cause, and stays cancelled.
    """
    if folded.deaths:
        return ()
    return tuple(
        taken_back(fact.value, fact.id, reason="death-taken-back", now=now, derived_from=cause)
        for fact in own
        if isinstance(fact.value, PlacementCancelled) and fact.id not in own.cancelled and _by_a_death(fact.value)
    )


def _by_a_death(told: PlacementCancelled) -> bool:
    return told.reason in BY_A_DEATH and bool(told.derived_from)


def miss(folded: Folded, own: OwnFacts, heading: LabelledHeading, which: str, today: date) -> StartMissed:
    """The first day came and the patient did not; `today` is the facility's day. The seat stays the patient's.

    Raises Rejected: `cancelled`, `started`, `missed`, `not-due`.
    """
    placement = _waits(folded, own, which)
    left = (fact.value for fact in own if fact.id not in own.cancelled)
    if any(isinstance(told, StartMissed) and told.placement_id == which for told in left):
        raise Rejected("missed", "it is known that the first day was missed", possible=("started", "cancelled"))
    if today < placement.start_date:
        raise Rejected("not-due", "the first day has not come yet", possible=("started", "cancelled"))
    return StartMissed(**heading, placement_id=which)


def _waits(folded: Folded, own: OwnFacts, which: str) -> StandingPlacement:
    """The placement, where it stands and its first day is still to come."""
    found = next((one for one in folded.placements if one.placement_id == which), None)
    if found is None:
        raise Rejected("cancelled", "the placement was cancelled")
    stand = (fact.value for fact in own if fact.id not in own.fallen)
    started = any(isinstance(told, Started) and told.placement_id == which for told in stand)
    if started or any(which in _names(stay) for stay in folded.stays):
        raise Rejected("started", "the patient has started there", possible=("completed", "discontinued"))
    return found


def _names(stay: StayState) -> set[str | None]:
    return {stay.placement_id, *(name for kind, name in (stay.key, *stay.aliases) if kind == "placement")}
