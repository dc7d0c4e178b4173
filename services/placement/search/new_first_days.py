"""Another first day of a placement that has not begun: since the one that was agreed was missed, or will not do. Pure.

The search does not begin anew: placement and seat stay, and are stated with the new day. A first day that follows the
plan of an open stay is in first_days.py.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.search import first_days, offers, placements
from services.placement.search.first_days import WaitingPlacement, answer_to_a_move, refuse_inside
from services.placement.search.search import Desk, Policy
from services.placement.search.searches import DeskFacts
from services.placement.search.states import MOVED_ON
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.placing import StartMissed

MISSED = "first-day-missed"
"""Reason of another first day after one to which the patient did not come."""
CHANGED = "first-day-changed"
"""Reason of another first day before the agreed one was missed."""


class NewDay(NamedTuple):
    """Which placement gets which first day; `zone`: the program's."""

    placement_id: str
    day: date
    zone: ZoneInfo


def given(desk: Desk, folded: Folded, own: DeskFacts, new: NewDay) -> tuple[CareFact, ...]:
    """The program takes the patient on another day: its offer is countered and accepted, placement and seat are stated
    anew under the same ids. A day that is over, of which nobody said that it was missed, is stated as missed besides.

    The caller claims the seat. Raises Rejected as `_moving` does.
    """
    waits = _moving(desk, folded, own, new)
    told = _missed(desk, own, waits, new)
    reason = MISSED if told or _known(own, waits) else CHANGED
    return (*told, *offers.moved(desk._replace(search=waits.search), waits.offer, new.day, new.zone, reason))


def asked(desk: Desk, folded: Folded, own: DeskFacts, new: NewDay, policy: Policy) -> tuple[CareFact, ...]:
    """The program is asked for another day, by an offer that the desk counters; placement and seat are kept until it
    answers, for the site's days at most.

    Only once the agreed day is missed or over: before that a no of the program would cost the day that is agreed.
    Raises Rejected as `_moving` does, and `not-due`.
    """
    waits = _moving(desk, folded, own, new)
    told = _missed(desk, own, waits, new)
    if not told and not _known(own, waits):
        text = "the agreed first day is not over: until then it is the program's to move"
        raise Rejected("not-due", text, possible=("cancelled",))
    until = answer_to_a_move(desk, waits, policy)
    there = desk._replace(search=waits.search)
    return (*told, offers.asked_for(there, waits.offer, new.day, MISSED, until))


def _moving(desk: Desk, folded: Folded, own: DeskFacts, new: NewDay) -> WaitingPlacement:
    """The placement with its search and offer. Raises Rejected: `cancelled`, `started`, `stay-open`, `no-offer`,
    `in-the-past`, `missed` (of the day that is asked for), `same-day`."""
    placement = placements.waits(folded, own, new.placement_id)
    refuse_inside(folded, desk.now)
    found = first_days.waiting(folded, own)
    waits = next((one for one in found if one.placement.placement_id == new.placement_id), None)
    if waits is None or waits.offer.state not in MOVED_ON:
        raise Rejected("no-offer", "the offer that it came of stands no more", possible=("cancelled",))
    if new.day < day_of(desk.now, new.zone):
        raise Rejected("in-the-past", "a new first day is today or later", possible=("started", "cancelled"))
    if placements.missed(own, new.placement_id, new.day) is not None:
        text = "it is known that this first day was missed"
        raise Rejected("missed", text, possible=("started", "start-missed-withdrawn", "cancelled"))
    if new.day == placement.start_date and not waits.offer.moves:
        raise Rejected("same-day", "this first day is agreed already", possible=("started", "cancelled"))
    return waits


def _missed(desk: Desk, own: DeskFacts, waits: WaitingPlacement, new: NewDay) -> tuple[StartMissed, ...]:
    """The fact that the agreed day was missed, where that day is over and nobody said so."""
    agreed = waits.placement.start_date
    if _known(own, waits) or agreed >= day_of(desk.now, new.zone):
        return ()
    about = desk.about._replace(facility=waits.offer.facility or desk.about.facility)
    return (StartMissed(**about.heading(desk.now), placement_id=new.placement_id, start_date=agreed),)


def _known(own: DeskFacts, waits: WaitingPlacement) -> bool:
    """True where it was told that the agreed day was missed."""
    return placements.missed(own, waits.placement.placement_id, waits.placement.start_date) is not None
