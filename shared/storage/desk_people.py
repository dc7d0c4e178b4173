"""Who uses a desk: the SQL of the table `desk_people`, by which an entry is handed to a colleague who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.storage.desk_tables import desk_people

_P = desk_people.c
OFTEN = timedelta(hours=1)
"""How long a person's row is not written again."""
AWAY = timedelta(days=30)
"""Who has not opened the desk for so long is nobody to hand something to."""


class Person(NamedTuple):
    """Somebody who uses the desk."""

    subject: str
    name: str
    roles: frozenset[str]
    facilities: frozenset[str]

    @property
    def called(self) -> str:
        """The name, else the subject."""
        return self.name or self.subject

    def may_see(self, *facilities: str) -> bool:
        """True where all of these facilities were in the person's scope when they opened the desk last."""
        return "*" in self.facilities or self.facilities.issuperset(facilities)


async def seen(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """Note that this person uses the desk."""
    roles, facilities = sorted(person.roles), sorted(person.facilities)
    given = insert(desk_people).values(
        subject=person.subject, name=person.name, roles=roles, facilities=facilities, seen_at=now
    )
    told: dict[str, sa.ColumnElement[Any]] = {name: given.excluded[name] for name in ("roles", "facilities", "seen_at")}
    told["name"] = sa.func.coalesce(sa.func.nullif(given.excluded.name, ""), _P.name)
    renamed = sa.and_(given.excluded.name != "", given.excluded.name != _P.name)
    other = sa.or_(_P.roles != roles, _P.facilities != facilities, renamed)
    stale = sa.or_(_P.seen_at < now - OFTEN, other)
    await connection.execute(given.on_conflict_do_update(index_elements=[_P.subject], set_=told, where=stale))


async def known(connection: AsyncConnection, now: datetime) -> dict[str, Person]:
    """Subject → person, of all who have opened the desk of late, by what they are called."""
    query = sa.select(_P.subject, _P.name, _P.roles, _P.facilities).where(_P.seen_at > now - AWAY)
    rows = (await connection.execute(query)).all()
    found = [Person(row[0], row[1], frozenset(row[2]), frozenset(row[3])) for row in rows]
    return {each.subject: each for each in sorted(found, key=lambda each: (each.called, each.subject))}
