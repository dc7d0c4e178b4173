"""Who works with a desk, and the views that its reader saved: read for every page."""

from __future__ import annotations

from datetime import datetime

from shared.storage import desk_people
from shared.storage.database import Connection
from shared.storage.desk_people import AtWork, Person
from shared.web.auth import Caller


def person_of(who: Caller) -> Person:
    """A caller as somebody who uses the desk."""
    return Person(who.subject, who.name, who.roles, who.facilities)


async def at_work(connection: Connection, who: Caller, now: datetime) -> AtWork:
    """Note that the reader uses the desk, and read the rest."""
    return await desk_people.at_work(connection, person_of(who), now)
