"""Placements over HTTP: the list, and what may be done before the first day; starts and ends are in stays.py."""

from __future__ import annotations

from services.placement.continuum.about import about
from services.placement.continuum.order import day_of
from services.placement.desk.commands import Because, NewFirstDay, Nothing, Receive
from services.placement.desk.frame import PROGRAMS, Listing, Rule, Subject, of_entries, write
from services.placement.desk.offers import claiming
from services.placement.engine.act import Decided, Situation
from services.placement.search import new_first_days, placements, receipts
from services.placement.search.new_first_days import NewDay
from services.placement.worklists.lists import READERS
from shared.events.placing import Placed


def cancel(now: Situation, placement_id: str, asked: Because) -> Decided:
    """Cancel a placement. Raises Rejected: `cancelled`, `started`."""
    whose = about(now.folded, facility_of(now, placement_id))
    gone = placements.cancel(now.folded, now.own, whose.heading(now.now), placement_id, asked.reason)
    return Decided((gone,), (placement_id,))


def miss(now: Situation, placement_id: str, _: Nothing) -> Decided:
    """State that the patient did not come on the first day. Raises Rejected: `cancelled`, `started`, `missed`,
    `not-due`."""
    whose = about(now.folded, facility_of(now, placement_id))
    today = day_of(now.now, now.zone(whose.facility))
    return Decided(
        (placements.miss(now.folded, now.own, whose.heading(now.now), placement_id, today),), (placement_id,)
    )


def not_missed(now: Situation, placement_id: str, asked: Because) -> Decided:
    """Take back that the agreed first day was missed. Raises Rejected: `cancelled`, `started`, `not-missed`."""
    gone = placements.not_missed(now.folded, now.own, placement_id, asked.reason, now.now)
    return Decided((gone,), (placement_id,))


def new_first_day(now: Situation, placement_id: str, asked: NewFirstDay) -> Decided:
    """Give the placement another first day: at once by who speaks for the program; who only asked for it asks the
    program for that day. Raises Rejected as search/new_first_days.py does, and `program-full`, `group-full`."""
    facility = facility_of(now, placement_id) or now.home
    new, desk = NewDay(placement_id, asked.start_date, now.zone(facility)), now.desk()
    if now.scope.has(facility):
        return Decided(claiming(now, new_first_days.given(desk, now.folded, now.own, new)), (placement_id,))
    asks = new_first_days.asked(desk, now.folded, now.own, new, now.rules.policy)
    return Decided(asks, (placement_id,))


def receive(now: Situation, placement_id: str, asked: Receive) -> Decided:
    """Confirm the handover. Raises Rejected as search/receipts.py `received` does."""
    whose = about(now.folded, facility_of(now, placement_id)).heading(now.now)
    told = receipts.received(now.folded, now.own, whose, placement_id, plan_read=asked.plan_read)
    return Decided((told,), (placement_id,))


def not_received(now: Situation, placement_id: str, asked: Because) -> Decided:
    """Take the receipt back. Raises Rejected `not-confirmed`."""
    return Decided((receipts.withdrawn(now.own, placement_id, asked.reason, now.now),), (placement_id,))


def facility_of(now: Situation, placement_id: str) -> str | None:
    """The facility of the program that took the patient; None where there is no such placement."""
    placed = (fact.value for fact in now.own if isinstance(fact.value, Placed))
    return next((one.facility for one in placed if one.placement_id == placement_id), None)


LISTING = Listing(
    "placements", "Patients whom a program took, before their first day, there, and afterwards", READERS,
    ("state", "episode_id", "program", "facility"), of_entries("placement"),
)  # fmt: skip
SUBJECT = Subject(
    LISTING,
    (
        write(
            "/api/placements/{id}/cancelled", Because, Rule(cancel, asker=True), action="placement-cancelled",
            operation="cancelPlacement",
            summary="The placement will not be: the seat is given back, the search goes on",
        ),
        write(
            "/api/placements/{id}/start-missed", Nothing, Rule(miss), action="start-missed",
            operation="recordMissedStart", roles=PROGRAMS, summary="The first day came and the patient did not",
        ),
        write(
            "/api/placements/{id}/start-missed-withdrawn", Because, Rule(not_missed), action="start-missed-withdrawn",
            operation="withdrawMissedStart", roles=PROGRAMS,
            summary="It was said in error that the patient did not come on the first day",
        ),
        write(
            "/api/placements/{id}/received", Receive, Rule(receive), action="handover-received",
            operation="confirmHandover", roles=PROGRAMS,
            summary="The program confirms the handover: the patient came, the packet was read",
        ),
        write(
            "/api/placements/{id}/received-withdrawn", Because, Rule(not_received), action="receipt-withdrawn",
            operation="withdrawReceipt", roles=PROGRAMS, summary="The handover was confirmed in error",
        ),
        write(
            "/api/placements/{id}/first-day", NewFirstDay, Rule(new_first_day, claims=True, asker=True),
            action="first-day-given", operation="giveFirstDay", roles=PROGRAMS,
            summary="Another first day, agreed or asked for: the search does not begin anew",
        ),
    ),
)  # fmt: skip
