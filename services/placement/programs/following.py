"""What a changed fold asks of the desk: the facts about searches, offers, placements, waiting lists and seats to state
next. Pure.

What a change upstream asks of the desk is a new fact of placement's own that names its cause (contract 3.6 rule 9).
Called again with these facts among the others, it asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from services.placement.continuum.about import about
from services.placement.continuum.model import Folded
from services.placement.programs import duplicate_starts, seats
from services.placement.programs.consequences import SeatNeeded, came_back, of_change, of_placements_that_came_back
from services.placement.programs.seats import Claim
from services.placement.rules import Rules
from services.placement.search import placements, waiting
from services.placement.search.search import Begins, Desk, followed, wanted
from services.placement.search.searches import DESK, Search, searches
from shared.events.base import CareFact
from shared.events.placing import SeatHeld, SeatReleased
from shared.facts.envelope import Fact
from shared.values import value_object


@value_object
class Seen:
    """One changed episode: its fold before and after the change, the desk's facts of it by sequence (`own`), and the
    ce_ids of the facts that made the change (`cause`)."""

    before: Folded
    after: Folded
    own: tuple[Fact, ...]
    cause: tuple[str, ...] = ()


def concerns_the_desk(folded: Folded, new: Iterable[Fact], begins: Begins) -> bool:
    """True when an episode without any facts of the desk has such a fact now, or should have a search."""
    return any(fact.writer == "placement" and fact.name in DESK for fact in new) or wanted(folded, begins) is not None


def follows(seen: Seen, rules: Rules, now: datetime, ids: Callable[[], str]) -> tuple[CareFact, ...]:
    """The facts to state, in order; none where the desk's state agrees with the fold."""
    if back := placements.brought_back(seen.after, seen.own, now, seen.cause):
        return back  # the other facts depend on these placements standing again
    found = searches(seen.own)
    at_hand = Desk(about(seen.after), found[-1] if found else None, now, ids)
    return (
        *followed(at_hand, seen.after, rules.policy, found[:-1], seen.cause),
        *waiting.over(at_hand, lambda program: about(seen.after, _facility(rules, program)), seen.own),
        *of_change(seen.before, seen.after, claimed(seen.own), now, seen.cause).released,
        *duplicate_starts.restated(seen.own, seen.after, rules.zone_of, now),
    )


def _facility(rules: Rules, program: str) -> str | None:
    found = rules.site.program(program)
    return found.facility if found else None


def seats_wanted(seen: Seen, now: datetime) -> tuple[SeatNeeded, ...]:
    """The seats to claim, where there is room, for stays and placements that stand again or last longer."""
    claims = claimed(seen.own)
    stays = of_change(seen.before, seen.after, claims, now, seen.cause).wanted
    back = came_back(seen.before, seen.after, claims, now)
    told = [seat for fact in seen.own if isinstance(seat := fact.value, SeatHeld) and seat.placement_id in back]
    return (*stays, *of_placements_that_came_back(told, now))


def open_search(own: Sequence[Fact]) -> Search | None:
    """The episode's open search; None where there is none. `own`: placement's facts."""
    found = searches(own)
    return found[-1] if found and found[-1].state == "open" else None


def declined_at(own: Sequence[Fact]) -> datetime | None:
    """When the patient declined further care, where that closed the latest search; else None."""
    found = searches(own)
    return found[-1].closed_at if found and found[-1].reason == "patient-declined" else None


def claimed(own: Iterable[Fact]) -> tuple[Claim, ...]:
    """The episode's claims on seats, with those that are released as they last until then."""
    return seats.claims(seat for fact in own if isinstance(seat := fact.value, SeatHeld | SeatReleased))
