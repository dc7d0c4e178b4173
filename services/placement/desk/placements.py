"""Placements over HTTP: the list, and what may be done before the first day; starts and ends are in stays.py."""

from __future__ import annotations

from services.placement.continuum.about import about
from services.placement.continuum.order import day_of
from services.placement.desk.commands import Because, Nothing
from services.placement.desk.frame import PROGRAMS, Listing, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.search import placements
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
    ),
)  # fmt: skip
