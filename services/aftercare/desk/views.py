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
from shared.storage import scoped
from shared.storage.database import Connection
from shared.storage.keysets import Keyset
from shared.storage.list_counts import by_people, numbers
from shared.storage.own_words import word


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


async def page_of(
    connection: Connection, wanted: EntriesOf | WindowsOf, asked: PageQuestion
) -> list[ListedEntry] | list[ListedWindow]:
    """The rows of a page, in the order that is asked for: which ones, an index knows; these alone are read."""
    table, keys, so, late = _of(wanted, asked)
    so += [*_narrowed(asked, late), *([keys.id.in_(asked.ids)] if asked.ids else [])]
    if asked.place is not None:
        so.append(keys.beyond(asked.place, back=asked.back))
    order = keys.order(back=asked.back)
    here = sa.select(keys.id).select_from(marked(table)).where(*so).order_by(*order).limit(asked.most)
    rows = (await connection.execute(with_sequence(table).where(keys.id.in_(here)).order_by(*order))).all()
    rows = rows[::-1] if asked.back else rows
    return [entry_of(row) for row in rows] if isinstance(wanted, EntriesOf) else [window_of(row) for row in rows]


def tally(name: str, wanted: EntriesOf | WindowsOf, asked: PageQuestion) -> sa.Select[Any]:
    """The query for one row: the list's name, and the numbers of a ListCount."""
    table, keys, so, late = _of(wanted, asked)
    columns = numbers(
        name,
        asked.now,
        late=late,
        found=sa.and_(*_narrowed(asked, late), keys.id.in_(asked.ids) if asked.ids else sa.true()),
        beyond=keys.beyond(asked.place, back=asked.back) if asked.place is not None else None,
        back=asked.back,
    )
    return sa.select(*columns).select_from(marked(table)).where(*so)


def _narrowed(asked: PageQuestion, late: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
    """The filters as conditions, and whether what is snoozed is asked for."""
    return by_people(asked.of_people, asked.me, asked.now) + ([late] if asked.overdue else [])


async def named(
    connection: Connection, wanted: EntriesOf | WindowsOf, ids: Sequence[str], scope: Scope
) -> list[ListedEntry] | list[ListedWindow]:
    """Those of the rows with these ids that a worklist has, in scope."""
    table, keys, so, _ = _of(wanted, PageQuestion(scope, datetime.max.replace(tzinfo=UTC)))
    rows = (await connection.execute(with_sequence(table).where(*so, keys.id.in_(list(ids))))).all()
    return [entry_of(row) for row in rows] if isinstance(wanted, EntriesOf) else [window_of(row) for row in rows]


def _of(
    wanted: EntriesOf | WindowsOf, asked: PageQuestion
) -> tuple[sa.Table, Keyset, list[sa.ColumnElement[bool]], sa.ColumnElement[bool]]:
    """The table of a worklist's rows, their order, what is so of each, and what makes one urgent."""
    if isinstance(wanted, EntriesOf):
        keys = Keyset(entries.c.sort_at, entries.c.id, asked.down)
        return entries, keys, wanted_of(wanted, asked.scope), entries.c.sort_at < asked.late
    columns = follow_ups.c
    keys = Keyset(columns.due_to, columns.follow_up_id, asked.down)
    so = [columns.state == word(wanted.state), scoped.of(columns.facility, asked.scope)]
    return follow_ups, keys, so, columns.due_to <= asked.late.date()
