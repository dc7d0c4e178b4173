"""A placement before its first day: cancelled, brought back, or the day missed; its stay is attendance's. Pure.

Placing again is the search's: it opens by itself once no placement stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.placement.continuum.model import Folded, StandingPlacement, StayState
from services.placement.search.search import BY_A_DEATH
from shared.errors import Rejected
from shared.events.placing import PlacementCancelled, StartMissed
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.envelope import Fact
from shared.facts.restating import fallen_of

Heading = Mapping[str, Any]
"""What every fact about the placement says: `About.heading`, at the program's facility."""


def cancel(folded: Folded, own: Iterable[Fact], heading: Heading, which: str, reason: str) -> PlacementCancelled:
    """The placement will not be; its seat is given back and the search goes on, as what follows.

    Raises Rejected: `cancelled`, `started` (say what became of the stay instead).
    """
    _waits(folded, list(own), which)
    return PlacementCancelled(**heading, placement_id=which, reason=reason)


def brought_back(
    folded: Folded, own: Sequence[Fact], now: datetime, cause: tuple[str, ...] = ()
) -> tuple[FactCancelled, ...]:
    """A death that was told by mistake: the placements that it had cancelled stand again (contract 3.6 rule 13).

    What a person cancelled names no cause, and stays cancelled.
    """
    if folded.deaths:
        return ()
    gone = {fact.value.get("cancels") for fact in own}
    by_a_death = [
        fact
        for fact in own
        if fact.name == "placement-cancelled"
        and fact.id not in gone
        and fact.value["reason"] in BY_A_DEATH
        and fact.value.get("derived_from")
    ]
    return tuple(
        taken_back(fact.value, fact.id, fact.type, reason="death-taken-back", now=now, derived_from=cause)
        for fact in by_a_death
    )


def miss(folded: Folded, own: Iterable[Fact], heading: Heading, which: str, today: date) -> StartMissed:
    """The first day came and the patient did not; `today` is the facility's day. The seat stays the patient's.

    Raises Rejected: `cancelled`, `started`, `missed`, `not-due`.
    """
    facts = list(own)
    placement = _waits(folded, facts, which)
    gone = {fact.value.get("cancels") for fact in facts}
    if any(f.name == "start-missed" and f.value["placement_id"] == which and f.id not in gone for f in facts):
        raise Rejected("missed", "it is known that the first day was missed", possible=("started", "cancelled"))
    if placement.start_date and today < placement.start_date:
        raise Rejected("not-due", "the first day has not come yet", possible=("started", "cancelled"))
    return StartMissed(**heading, placement_id=which)


def _waits(folded: Folded, own: list[Fact], which: str) -> StandingPlacement:
    """The placement, where it stands and its first day is still to come."""
    found = next((one for one in folded.placements if one.placement_id == which), None)
    if found is None:
        raise Rejected("cancelled", "the placement was cancelled")
    gone = fallen_of(own)
    started = any(f.name == "started" and f.value.get("placement_id") == which and f.id not in gone for f in own)
    if started or any(which in _names(stay) for stay in folded.stays):
        raise Rejected("started", "the patient has started there", possible=("completed", "discontinued"))
    return found


def _names(stay: StayState) -> set[str | None]:
    return {stay.placement_id, *(name for kind, name in (stay.key, *stay.aliases) if kind == "placement")}
