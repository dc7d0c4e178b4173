"""Who uses a desk: the SQL of the table `desk_people`, by which an entry is handed to a colleague who may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.storage.desk_tables import desk_people, saved_views
from shared.storage.saved_views import SavedView

_P, _V = desk_people.c, saved_views.c
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


class AtWork(NamedTuple):
    """Subject → person, of all who use the desk, and the reader's own views."""

    people: Mapping[str, Person]
    views: Sequence[SavedView]


async def at_work(connection: AsyncConnection, reader: Person, now: datetime) -> AtWork:
    """Who uses the desk, the reader among them, and the reader's views: one query for every page, and a write where the
    reader's row says something else or is older than OFTEN."""
    none = sa.cast(array([], type_=sa.Text), sa.ARRAY(sa.Text))
    people = sa.select(
        array([_P.subject, _P.name]), _P.roles, _P.facilities, (_P.seen_at >= now - OFTEN).label("fresh")
    ).where(_P.seen_at > now - AWAY)
    views = sa.select(array([_V[name] for name in SavedView._fields]), none, none, sa.null()).where(
        _V.owner == reader.subject
    )
    rows = (await connection.execute(sa.union_all(people, views))).all()
    known = {
        row[0][0]: (_person(row[0][0], row[0][1], row[1], row[2]), row.fresh) for row in rows if row.fresh is not None
    }
    before, fresh = known.pop(reader.subject, (reader, False))
    called = reader if reader.name else reader._replace(name=before.name)
    if not fresh or called != before:
        await seen(connection, reader, now)
    mine = sorted((SavedView(*row[0]) for row in rows if row.fresh is None), key=lambda one: (one.name, one.view_id))
    return AtWork(_by_name([*(each for each, _ in known.values()), called]), mine)


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
    return _by_name(_person(*row) for row in (await connection.execute(query)).all())


def _person(subject: str, name: str, roles: Sequence[str], facilities: Sequence[str]) -> Person:
    return Person(subject, name, frozenset(roles), frozenset(facilities))


def _by_name(found: Iterable[Person]) -> dict[str, Person]:
    return {each.subject: each for each in sorted(found, key=lambda each: (each.called, each.subject))}
