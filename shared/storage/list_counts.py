"""How many entries a desk's lists have, all of them by one query; an entry is joined with its mark (entry_marks.py)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.storage.desk_tables import entry_marks
from shared.storage.entry_marks import snoozed


class ListCount(NamedTuple):
    """What is counted of a list: all that are in sight, the late of them, and of a page that is asked for those found
    by its filters, and those of them before its place."""

    total: int
    late: int
    found: int
    ahead: int


NO_ENTRIES = ListCount(0, 0, 0, 0)


def numbers(
    name: str,
    now: datetime,
    *,
    late: sa.ColumnElement[bool] | None,
    found: sa.ColumnElement[bool],
    beyond: sa.ColumnElement[bool] | None,
    back: bool,
) -> list[sa.ColumnElement[Any]]:
    """The columns of one list: its name, and the numbers of a ListCount. `late` None: nothing of it ever is. `beyond`:
    the condition for entries on that side of the page's place to which it goes on (Keyset.beyond); None: the first
    page."""
    count, here = sa.func.count(), sa.not_(snoozed(now))
    ahead = count.filter(found, beyond if back else sa.not_(beyond)) if beyond is not None else sa.literal(0)
    over = count.filter(here, late) if late is not None else sa.literal(0)
    return [sa.literal(name).label("name"), count.filter(here), over, count.filter(found), ahead]


async def counted(connection: AsyncConnection, queries: Sequence[sa.Select[Any]]) -> dict[str, ListCount]:
    """Name of list → its numbers, by one query for all lists."""
    if not queries:
        return {}
    rows = (await connection.execute(sa.union_all(*queries))).all()
    return {row[0]: ListCount(*map(int, row[1:])) for row in rows}


def by_people(asked: Collection[str], me: str, now: datetime) -> list[sa.ColumnElement[bool]]:
    """The filters `mine`, `unassigned` and `snoozed` as conditions, as far as they are asked for; without the last what
    is snoozed is out of sight."""
    out, holder = snoozed(now), entry_marks.c.taken_by
    found = [out if "snoozed" in asked else sa.not_(out)]
    found += [holder == me] if "mine" in asked else []
    return found + ([holder.is_(None)] if "unassigned" in asked else [])
