"""What a changed fold asks of the desk: the facts about searches, offers, placements, waiting lists and seats to state
next. Pure.

What a change upstream asks of the desk is a new fact of placement's own that names its cause (contract 3.6 rule 9).
Called again with these facts among the others, it asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.placement.clock import stating as clock
from services.placement.continuum.about import about
from services.placement.continuum.model import Folded
from services.placement.programs import daily_visits, duplicate_starts, seats
from services.placement.programs.consequences import SeatNeeded, came_back, of_change, of_placements_that_came_back
from services.placement.rules import Rules
from services.placement.search import first_days, placements, receipts, waiting
from services.placement.search.keeping import followed
from services.placement.search.search import DesiredSearch, Desk
from services.placement.search.searches import DeskFacts
from services.placement.search.told_anew import told_anew
from shared.events.base import CareFact
from shared.events.placing import HandoverReceived, SeatHeld, StartMissed
from shared.events.reviews import ReviewDue
from shared.events.stays import Started
from shared.values import value_object


@value_object
class Seen:
    """One changed episode: its fold before and after the change, the desk's facts of it by sequence (`own`), and the
    ce_ids of the facts that made the change (`cause`)."""

    before: Folded
    after: Folded
    own: DeskFacts
    cause: tuple[str, ...] = ()
    awaits_merge: bool = False
    """True where the search that should be open came of a fact of another patient's episode, and that one was not seen
    to be merged into this one: it has a search of its own, so that none is opened here."""


def follows(
    seen: Seen, wants: tuple[DesiredSearch, ...], rules: Rules, now: datetime, ids: Callable[[], str]
) -> tuple[CareFact, ...]:
    """The facts to state, in order; none where the desk's state agrees with the fold. `wants`: the searches that
    should be open by the fold after the change."""
    if back := placements.brought_back(seen.after, seen.own, now, seen.cause):
        return back  # the other facts depend on these placements standing again
    if not seen.awaits_merge and (back := placements.reopened(seen.after, seen.own, wants, now, seen.cause)):
        return back
    if (seen.after.referral or seen.after.assessment) and (anew := told_anew(seen.before, seen.after, seen.own, now)):
        return anew
    at_hand = Desk(about(seen.after), seen.own.latest, now, ids)
    earlier, kinds = seen.own.searches[:-1], seen.own.kinds
    placed = [one for one in seen.own.searches if one.placed_offer]
    return (
        *(
            ()
            if seen.awaits_merge
            else followed(at_hand, seen.after, wants, rules.policy, earlier=earlier, cause=seen.cause)
        ),
        *(first_days.moved(at_hand, seen.after, seen.own, rules.policy, seen.cause) if placed else ()),
        *waiting.over(at_hand, lambda program: about(seen.after, _facility(rules, program)), seen.own),
        *of_change(seen.before, seen.after, seats.claims(seen.own.seats), now, seen.cause).released,
        *(placements.came_after_all(seen.after, seen.own, rules.zone_of, now) if StartMissed in kinds else ()),
        *(receipts.fallen(seen.after, seen.own, now, seen.cause) if HandoverReceived in kinds else ()),
        *(duplicate_starts.restated(seen.own, seen.after, rules.zone_of, now) if Started in kinds else ()),
        *daily_visits.stated(seen.after, seen.own, rules, now, ids),
        *(
            clock.stated(seen.after, seen.own, rules, now)
            if seen.after.reviews or seen.after.answers or ReviewDue in kinds
            else ()
        ),
    )


def _facility(rules: Rules, program: str) -> str | None:
    found = rules.site.program(program)
    return found.facility if found else None


def seats_wanted(seen: Seen, now: datetime) -> tuple[SeatNeeded, ...]:
    """The seats to claim, where there is room, for stays and placements that stand again or last longer."""
    claims = seats.claims(seen.own.seats)
    stays = of_change(seen.before, seen.after, claims, now, seen.cause).wanted
    back = came_back(seen.before, seen.after, claims, now)
    told = [seat for fact in seen.own if isinstance(seat := fact.value, SeatHeld) and seat.placement_id in back]
    return (*stays, *of_placements_that_came_back(told, now))
