"""Hanging visits: open, and nothing was heard of them for longer than the site's days by level or class (contract 6).

They are listed and counted, and nothing closes them; the next message of one takes it off the list by itself. What is
asked goes by the index `visits_open` and finds those alone that hang.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.ids import first_id
from shared.scope import Scope
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.statements import rows

_HANGING = (
    "FROM unnest($1::text[], $2::text[]) AS w(place, before) "
    'JOIN visits AS v ON v.open_as = w.place AND v.heard <= "left"(w.before, 6) AND v.last_message < w.before '
)
_IN_SCOPE = "WHERE ($3::text[] IS NULL OR v.facility = ANY($3::text[])) "
_PAGE = (
    "SELECT v.visit_id, v.patient_id, v.facility, v.open_as, v.begun_at, v.last_message, m.trigger, m.arrived_at "
    + _HANGING + "JOIN messages AS m ON m.message_id = v.last_message " + _IN_SCOPE
    + "AND (v.last_message, v.visit_id) > ($4::text, $5::text) ORDER BY v.last_message, v.visit_id LIMIT $6"
)  # fmt: skip
_TALLY = "SELECT count(*), count(*) FILTER (WHERE (v.last_message, v.visit_id) <= ($4::text, $5::text)) "
_TALLY += _HANGING + _IN_SCOPE
_BY_FACILITY = "SELECT v.facility, count(*) AS number " + _HANGING + "GROUP BY 1"
Place = tuple[str, str]
"""The last message and the id of a visit: its place in the list."""
FIRST: Place = ("", "")


class HangingVisit(NamedTuple):
    """A visit that hangs: what it is open as (a level, or the class of a visit without one), and the last message that
    told of it."""

    visit_id: str
    patient_id: str
    facility: str
    open_as: str
    begun_at: datetime
    message_id: str
    trigger: str
    heard_at: datetime

    @property
    def place(self) -> Place:
        """Its place in the list."""
        return self.message_id, self.visit_id


async def hanging(
    connection: Connection, site: Site, now: datetime, scope: Scope, *, after: Place, most: int
) -> list[HangingVisit]:
    """At most `most` of them at facilities in scope, from behind the place `after` on; first of whom nothing was heard
    for the longest time."""
    given = (*_bounds(site, now), scope.listed, *after, most)
    return [HangingVisit(*row) for row in await rows(connection, _PAGE, *given)]


async def tally(connection: Connection, site: Site, now: datetime, scope: Scope, after: Place) -> tuple[int, int]:
    """How many of them there are at facilities in scope, and how many are listed up to the place `after`."""
    [row] = await rows(connection, _TALLY, *_bounds(site, now), scope.listed, *after)
    return int(row[0]), int(row[1])


async def by_facility(connection: Connection, site: Site, now: datetime) -> dict[str, int]:
    """Facility → how many of its visits hang; facilities without one are absent."""
    return {row["facility"]: row["number"] for row in await rows(connection, _BY_FACILITY, *_bounds(site, now))}


def _bounds(site: Site, now: datetime) -> tuple[list[str], list[str]]:
    """Levels and classes, and of each the message id before which the last message of a visit is too old."""
    days = site.hanging_after.by_place
    return list(days), [first_id(now - timedelta(days=each)) for each in days.values()]
