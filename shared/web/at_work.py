"""Who works with a desk, and the views that its reader saved: read for every page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.storage import desk_people, saved_views
from shared.storage.database import Connection
from shared.storage.desk_people import Person
from shared.storage.saved_views import SavedView
from shared.web.auth import Caller


class AtWork(NamedTuple):
    """Subject → person, of all who use the desk, and the reader's own views."""

    people: Mapping[str, Person]
    views: Sequence[SavedView]


def person_of(who: Caller) -> Person:
    """A caller as somebody who uses the desk."""
    return Person(who.subject, who.name, who.roles, who.facilities)


async def at_work(connection: Connection, who: Caller, now: datetime) -> AtWork:
    """Note that the reader uses the desk, and read the rest."""
    await desk_people.seen(connection, person_of(who), now)
    return AtWork(await desk_people.known(connection, now), await saved_views.of(connection, who.subject))
