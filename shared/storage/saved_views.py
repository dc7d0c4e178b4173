"""Lists as a person likes to see them: the SQL of the table `saved_views`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Rejected
from shared.storage.desk_tables import saved_views

_V = saved_views.c
MOST = 20
"""Views of one person at one desk."""
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext('saved views'), hashtext(:owner))")


class SavedView(NamedTuple):
    """A view: its list, what its owner calls it, and the parameters of the page's address."""

    view_id: str
    list: str
    name: str
    query: str


async def of(connection: AsyncConnection, owner: str) -> list[SavedView]:
    """A person's views, by their names."""
    query = sa.select(*(_V[name] for name in SavedView._fields)).where(_V.owner == owner).order_by(_V.name, _V.view_id)
    return [SavedView(*row) for row in (await connection.execute(query)).all()]


async def save(connection: AsyncConnection, owner: str, view: SavedView, at: datetime) -> None:
    """Keep a view; one of this list with this name takes its place. Raises Rejected where the owner has MOST others."""
    await connection.execute(_LOCK, {"owner": owner})
    others = sa.not_(sa.and_(_V.list == view.list, _V.name == view.name))
    count = sa.select(sa.func.count()).where(_V.owner == owner, others)
    if (await connection.execute(count)).scalar_one() >= MOST:
        raise Rejected("too-many-views", f"you have {MOST} views already: delete one of them first")
    given = insert(saved_views).values(owner=owner, made_at=at, **view._asdict())
    again = {"query": view.query, "made_at": at}
    await connection.execute(given.on_conflict_do_update(index_elements=[_V.owner, _V.list, _V.name], set_=again))


async def delete(connection: AsyncConnection, owner: str, view_id: str) -> bool:
    """Delete a view of this person. False: there is none of that id."""
    statement = sa.delete(saved_views).where(_V.owner == owner, _V.view_id == view_id).returning(_V.view_id)
    return (await connection.execute(statement)).one_or_none() is not None
