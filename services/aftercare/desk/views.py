"""All SQL by which the desk's page reads its lists: counts, pages, and rows by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.aftercare.engine.views import entry_of, marked, wanted_of, window_of, with_sequence
from services.aftercare.tables import entries, follow_ups
from services.aftercare.worklists.listed import ListedEntry, ListedWindow
from services.aftercare.worklists.lists import EntriesOf, WindowsOf
from shared.scope import Scope
from shared.storage import entry_marks as marks
from shared.storage import scoped
from shared.storage.database import Connection
from shared.storage.desk_tables import entry_marks
from shared.storage.keysets import Keyset


class PageQuestion(NamedTuple):
    """Which page of a list is asked for: of which facilities, in the order of what is due, or `down` the other way
    round; `place`: the sort key of the row after which it begins, or with `back` before which it ends; `late`: what is
    due before it is urgent, `overdue`: only that; at most how many rows. `of_people`: filters by who has an entry
    (tables.OF_PEOPLE), `me` the one whose are `mine`; what is snoozed at `now` is there only where that is asked
    for."""

    scope: Scope
    late: datetime
    most: int = 0
    down: bool = False
    place: tuple[Any, str] | None = None
    back: bool = False
    overdue: bool = False
    now: datetime = datetime.min.replace(tzinfo=UTC)
    me: str = ""
    of_people: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()


class Tally(NamedTuple):
    """What is counted of a list: all that are in sight, the late of them, and of a page that is asked for those found
    by its filters, and those of them before its place."""

    total: int
    late: int
    found: int
    ahead: int


async def page_of(
    connection: Connection, wanted: EntriesOf | WindowsOf, asked: PageQuestion
) -> list[ListedEntry] | list[ListedWindow]:
    """The rows of a page, in the order that is asked for."""
    table, keys, so, late = _of(wanted, asked)
    so += [*_narrowed(asked, late), *([keys.id.in_(asked.ids)] if asked.ids else [])]
    if asked.place is not None:
        so.append(keys.beyond(asked.place, back=asked.back))
    query = with_sequence(table).where(*so).order_by(*keys.order(back=asked.back)).limit(asked.most)
    rows = (await connection.execute(query)).all()
    rows = rows[::-1] if asked.back else rows
    return [entry_of(row) for row in rows] if isinstance(wanted, EntriesOf) else [window_of(row) for row in rows]


def tally(name: str, wanted: EntriesOf | WindowsOf, asked: PageQuestion) -> sa.Select[Any]:
    """The query for one row: the list's name, and the numbers of a Tally."""
    table, keys, so, late = _of(wanted, asked)
    count, here, found = (
        sa.func.count(),
        sa.not_(marks.snoozed(asked.now)),
        sa.and_(*_narrowed(asked, late), keys.id.in_(asked.ids) if asked.ids else sa.true()),
    )
    ahead: sa.ColumnElement[int] = sa.literal(0)
    if asked.place is not None:
        behind = keys.beyond(asked.place, back=asked.back)
        ahead = count.filter(found, behind if asked.back else sa.not_(behind))
    numbers: list[sa.ColumnElement[Any]] = [
        sa.literal(name).label("name"),
        count.filter(here),
        count.filter(here, late),
        count.filter(found),
        ahead,
    ]
    return sa.select(*numbers).select_from(marked(table)).where(*so)


def _narrowed(asked: PageQuestion, late: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
    """The filters as conditions, and whether what is snoozed is asked for."""
    out, holder = marks.snoozed(asked.now), entry_marks.c.taken_by
    found = [out if "snoozed" in asked.of_people else sa.not_(out)]
    found += [late] if asked.overdue else []
    found += [holder == asked.me] if "mine" in asked.of_people else []
    return found + ([holder.is_(None)] if "unassigned" in asked.of_people else [])


async def named(
    connection: Connection, wanted: EntriesOf | WindowsOf, ids: Sequence[str], scope: Scope
) -> list[ListedEntry] | list[ListedWindow]:
    """Those of the rows with these ids that a worklist has, in scope."""
    table, keys, so, _ = _of(wanted, PageQuestion(scope, datetime.max.replace(tzinfo=UTC)))
    rows = (await connection.execute(with_sequence(table).where(*so, keys.id.in_(list(ids))))).all()
    return [entry_of(row) for row in rows] if isinstance(wanted, EntriesOf) else [window_of(row) for row in rows]


async def tallied(connection: Connection, queries: Sequence[sa.Select[Any]]) -> dict[str, Tally]:
    """Name of list → its numbers, by one query for all lists."""
    rows = (await connection.execute(sa.union_all(*queries))).all()
    return {row[0]: Tally(*map(int, row[1:])) for row in rows}


def _of(
    wanted: EntriesOf | WindowsOf, asked: PageQuestion
) -> tuple[sa.Table, Keyset, list[sa.ColumnElement[bool]], sa.ColumnElement[bool]]:
    """The table of a worklist's rows, their order, what is so of each, and what makes one urgent."""
    if isinstance(wanted, EntriesOf):
        keys = Keyset(entries.c.sort_at, entries.c.id, asked.down)
        return entries, keys, wanted_of(wanted, asked.scope), entries.c.sort_at < asked.late
    columns = follow_ups.c
    keys = Keyset(columns.due_to, columns.follow_up_id, asked.down)
    so = [columns.state == wanted.state, scoped.of(columns.facility, asked.scope)]
    return follow_ups, keys, so, columns.due_to <= asked.late.date()
