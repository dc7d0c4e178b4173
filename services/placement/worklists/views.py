"""All SQL that only reads the desk's tables: lines of lists, claims on seats, places in a waiting line; no locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.programs.census import NOBODY, Place, end_known
from services.placement.search.entry import UNSETTLED
from services.placement.tables import entries, episodes, program_stays, seats, seats_out
from shared.scope import Scope
from shared.storage import entry_marks as marks
from shared.storage import scoped
from shared.storage.desk_tables import entry_marks
from shared.storage.keysets import Keyset
from shared.values import value_object
from shared.web.marks import NO_MARK, EntryMark


@value_object
class Line:
    """One line of a list. `facility`: the program's where the line is about a program, else the entry's; `besides`:
    other facilities that a reader has to see too; `asked_by`: the facility whose search asked for it; `mark`: who has
    it."""

    kind: str
    id: str
    episode_id: str
    facility: str
    program: str | None
    state: str
    at: datetime
    due: datetime | None
    content: dict[str, Any]
    patient_id: str
    version: int
    besides: tuple[str, ...] = ()
    asked_by: str | None = None
    mark: EntryMark = NO_MARK


@value_object
class Whose:
    """Which lines a reader sees: those in scope; with `asking` also what searches of facilities in scope asked others
    for."""

    scope: Scope
    asking: bool = True

    def has(self, line: Line) -> bool:
        """True when the reader sees the line."""
        return self.holds(line) or (self.asking and line.asked_by is not None and self.scope.has(line.asked_by))

    def holds(self, line: Line) -> bool:
        """True when the line is in the reader's scope, and not seen only because the reader's search asked for it."""
        return self.scope.has_all((line.facility, *line.besides))


@value_object
class ListQuestion:
    """Which lines are asked for: whose, up to how many, and after which (at, id)."""

    whose: Whose
    most: int
    after: tuple[datetime, str] | None = None
    state: str | None = None
    episode_id: str | None = None
    program: str | None = None
    at: datetime | None = None
    placement_id: str | None = None


_EPISODE = (episodes.c.patient_id, episodes.c.version)
_MARKED = marks.is_of(entries.c.kind, entries.c.id, entries.c.state)
LISTED = entries.join(episodes, episodes.c.episode_id == entries.c.episode_id).outerjoin(entry_marks, _MARKED)
"""Entries with their episodes, and who has them."""
COUNTED = entries.outerjoin(entry_marks, _MARKED)
"""The same without the episodes, for a count: every entry has one, and an index has all that is asked."""
_LINES = sa.select(entries, *_EPISODE, *marks.COLUMNS).select_from(LISTED)
_SEATS = sa.select(
    seats,
    *_EPISODE,
    sa.func.lower(seats.c.during).label("begins"),
    sa.func.upper(seats.c.during).label("until"),
).join(episodes, episodes.c.episode_id == seats.c.episode_id)
_PLACES = sa.text(
    "SELECT program, episode_id, since, until, expected, NULL AS group_id, NULL AS seat_id, 1 AS seats "
    "FROM program_stays "
    "WHERE program = ANY(:programs) AND COALESCE(until, 'infinity'::timestamptz) > :since UNION ALL "
    "SELECT program, episode_id, lower(during), upper(during), NULL, group_id, seat_id, 1 FROM seats "
    "WHERE program = ANY(:programs) AND COALESCE(upper(during), 'infinity'::timestamptz) > :since UNION ALL "
    "SELECT program, '', since, until, NULL, NULL, 'out-of-use-' || nth, seats FROM seats_out "
    "WHERE program = ANY(:programs) AND COALESCE(until, 'infinity'::timestamptz) > :since"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)), sa.bindparam("since", type_=sa.DateTime(timezone=True)))
_ORDER = sa.text(
    "SELECT id, row_number() OVER (PARTITION BY program ORDER BY at, id) FROM entries "
    "WHERE kind = 'waiting' AND state = 'waiting' AND program = ANY(:programs)"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)))
_WAITS = sa.text(  # each part is a range of the index entries_of_kind; of what is closed nothing is read
    " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, count(*) AS number, min(at) AS since, "  # noqa: S608 - words of ours
        "count(*) FILTER (WHERE due <= :now) AS overdue "
        f"FROM entries WHERE kind = '{kind}' AND state IN ({', '.join(map(repr, states))})"
        for kind, states in UNSETTLED.items()
    )
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))


class Waits(NamedTuple):
    """Entries of one kind that wait for somebody: how many, since when the oldest, and how many are past their time."""

    number: int
    since: datetime | None
    overdue: int


async def waiting_by_kind(connection: AsyncConnection, now: datetime) -> dict[str, Waits]:
    """kind → what waits, of all facilities; `now` decides what is past its time."""
    rows = (await connection.execute(_WAITS, {"now": now})).all()
    return {row.kind: Waits(row.number, row.since, row.overdue) for row in rows}


async def lines(connection: AsyncConnection, kind: str, asked: ListQuestion) -> list[Line]:
    """Lines of one kind, the oldest first."""
    columns = entries.c
    query = _LINES.where(columns.kind == kind)
    for column, value in (
        (columns.state, asked.state),
        (columns.episode_id, asked.episode_id),
        (columns.program, asked.program),
    ):
        query = query if value is None else query.where(column == value)
    if asked.placement_id is not None:
        query = query.where(columns.content["placement_id"].astext == asked.placement_id)
    query = query.where(within(asked.whose))
    if asked.after is not None:
        query = query.where(sa.tuple_(columns.at, columns.id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(columns.at, columns.id).limit(asked.most))
    return [_line(row) for row in rows.all()]


async def selected(
    connection: AsyncConnection, narrowed: Callable[[sa.Select[Any]], sa.Select[Any]], asked: ListQuestion
) -> list[Line]:
    """Lines of any kind that `narrowed` leaves of the query, the oldest first, after the place that `asked` names."""
    query = narrowed(_LINES)
    if asked.after is not None:
        query = query.where(sa.tuple_(entries.c.at, entries.c.id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(entries.c.at, entries.c.id).limit(asked.most))
    return [_line(row) for row in rows.all()]


async def named(connection: AsyncConnection, kind: str, ids: Collection[str]) -> list[Line]:
    """The lines of one kind with these ids."""
    if not ids:
        return []
    rows = await connection.execute(_LINES.where(entries.c.kind == kind, entries.c.id.in_(sorted(ids))))
    return [_line(row) for row in rows.all()]


async def there_between(
    connection: AsyncConnection, program: str, begins: datetime, ends: datetime, asked: ListQuestion
) -> list[Line]:
    """Placements of the program whose stay there, going on or over, has a part in [begins, ends), the longest there
    first."""
    columns = entries.c
    over = sa.and_(columns.state == "ended", columns.at > begins)
    there = sa.or_(sa.and_(columns.state == "started", columns.at < ends), over)
    found = await selected(
        connection,
        lambda query: query.where(columns.kind == "placement", columns.program == program, there, within(asked.whose)),
        asked,
    )
    return [one for one in found if datetime.fromisoformat(one.content["from"]) < ends]


class ListPage(NamedTuple):
    """Which lines a page has: up to `most` of which all of this is so, in this order; `back`: the last ones, not the
    first."""

    so: Sequence[sa.ColumnElement[bool]]
    by: Keyset
    back: bool
    most: int


async def pages(connection: AsyncConnection, asked: Sequence[ListPage]) -> list[list[Line]]:
    """The lines of each page, by one query."""
    found: list[list[Line]] = [[] for _ in asked]
    queries = [
        _LINES.add_columns(sa.literal(number).label("page"))
        .where(*one.so)
        .order_by(*one.by.order(back=one.back))
        .limit(one.most)
        for number, one in enumerate(asked)
    ]
    if not queries:
        return found
    for row in (await connection.execute(sa.union_all(*queries) if len(queries) > 1 else queries[0])).all():
        found[row.page].append(_line(row))  # the parts of UNION ALL come one after the other, each in its order
    return [lines[::-1] if one.back else lines for one, lines in zip(asked, found, strict=True)]


async def of_episode(
    connection: AsyncConnection, episode_id: str, whose: Whose, marks: Mapping[str, sa.ColumnElement[bool]]
) -> list[tuple[Line, frozenset[str]]]:
    """All lines of one episode, the oldest first, each with the names of those `marks` whose condition it meets."""
    columns = [condition.label(f"mark_{place}") for place, condition in enumerate(marks.values())]
    query = _LINES.add_columns(*columns).where(entries.c.episode_id == episode_id, within(whose))
    rows = (await connection.execute(query.order_by(entries.c.at, entries.c.id))).all()
    return [
        (_line(row), frozenset(name for place, name in enumerate(marks) if getattr(row, f"mark_{place}")))
        for row in rows
    ]


async def line(connection: AsyncConnection, kind: str, entry_id: str) -> Line | None:
    """One line by kind and id; None where there is none."""
    row = (await connection.execute(_LINES.where(entries.c.kind == kind, entries.c.id == entry_id))).first()
    return _line(row) if row else None


def within(whose: Whose) -> sa.ColumnElement[bool]:
    """`Whose.has` as an SQL condition on entries."""
    own = sa.and_(scoped.of(entries.c.facility, whose.scope), scoped.all_of(entries.c.besides, whose.scope))
    return sa.or_(own, scoped.of(entries.c.asked_by, whose.scope)) if whose.asking else own


_STORED = tuple(name for name in Line.__dataclass_fields__ if name != "mark")


def _line(row: Any) -> Line:
    fields = {name: getattr(row, name) for name in _STORED}
    mark = EntryMark(*(getattr(row, name) for name in EntryMark._fields))
    return Line(**fields | {"besides": tuple(row.besides), "mark": mark})


async def claimed(connection: AsyncConnection, asked: ListQuestion, facility_of: dict[str, str]) -> list[Line]:
    """Claims on seats as lines, the oldest first; `facility_of`: program → facility, for every program of the site."""
    begins = sa.func.lower(seats.c.during)
    query = _SEATS
    for column, value in ((seats.c.episode_id, asked.episode_id), (seats.c.program, asked.program)):
        query = query if value is None else query.where(column == value)
    if asked.at is not None:
        query = query.where(seats.c.during.op("@>")(sa.literal(asked.at, sa.DateTime(timezone=True))))
    if asked.placement_id is not None:
        query = query.where(seats.c.placement_id == asked.placement_id)
    query = query.where(_claimed_within(asked.whose, facility_of))
    if asked.after is not None:
        query = query.where(sa.tuple_(begins, seats.c.seat_id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(begins, seats.c.seat_id).limit(asked.most))
    return [_claim(row, facility_of) for row in rows.all()]


def _claimed_within(whose: Whose, facility_of: dict[str, str]) -> sa.ColumnElement[bool]:
    if whose.scope.facilities is None:
        return sa.true()
    here = seats.c.program.in_([name for name, facility in facility_of.items() if whose.scope.has(facility)])
    return sa.or_(here, scoped.of(seats.c.asked_by, whose.scope)) if whose.asking else here


async def claim(connection: AsyncConnection, seat_id: str, facility_of: dict[str, str]) -> Line | None:
    """One claim as a line; None where there is none."""
    row = (await connection.execute(_SEATS.where(seats.c.seat_id == seat_id))).first()
    return _claim(row, facility_of) if row else None


def _claim(row: Any, facility_of: dict[str, str]) -> Line:
    content = {"seat_id": row.seat_id, "group": row.group_id, "placement_id": row.placement_id}
    content |= {"from": row.begins.isoformat(), "until": row.until.isoformat() if row.until else None}
    state = "taken" if row.placement_id else "held"
    return Line(
        "seat", row.seat_id, row.episode_id, facility_of.get(row.program, ""), row.program, state, row.begins,
        None, {name: value for name, value in content.items() if value is not None}, row.patient_id, row.version,
        (), row.asked_by,
    )  # fmt: skip


async def places(
    connection: AsyncConnection, programs: Collection[str], since: datetime, now: datetime
) -> dict[str, list[Place]]:
    """program → everybody's seats and stays there that last beyond `since`, whichever system reported them, and the
    seats that are out of use."""
    found: dict[str, list[Place]] = defaultdict(list)
    asked = {"programs": sorted(programs), "since": min(since, now)}
    for program, person, begins, until, expected, group, seat, seats_of in (
        await connection.execute(_PLACES, asked)
    ).all():
        ends = until if seat else end_known(until, expected, now)
        is_expected = ends is not None and until is None
        found[program].append(Place(person, begins, ends, group, seat, seats_of, is_expected))
    return found


def seats_taken(before: str, programs: Collection[str], now: datetime) -> sa.Select[Any]:
    """The query for a row of each program that has any, as list_counts.py has them, under its id with `before` before
    it: how many of its seats are taken or out of use at `now`, by the rule of programs/census.py `taken_at`: of each
    person every seat that is held, and one for a stay without."""
    held = _there_now(seats, sa.func.upper(seats.c.during), programs, now)
    held = held.where(sa.func.lower(seats.c.during) <= now).add_columns(sa.literal(1).label("seat"))
    stays = _there_now(program_stays, program_stays.c.until, programs, now)
    stays = stays.where(program_stays.c.since <= now).add_columns(sa.literal(0))
    out = seats_out.c
    named = out.program == sa.any_(sa.literal(sorted(programs), sa.ARRAY(sa.Text)))
    unused = sa.select(out.program, sa.literal(NOBODY), out.seats).where(
        named, out.since <= now, sa.or_(out.until.is_(None), out.until > now)
    )
    every = sa.union_all(held, stays, unused).subquery()
    taken = sa.func.greatest(sa.func.sum(every.c.seat), 1).label("taken")
    person = sa.select(every.c.program, taken).group_by(every.c.program, every.c.episode_id).subquery()
    number = sa.cast(sa.func.sum(person.c.taken), sa.BigInteger)
    columns: list[sa.ColumnElement[Any]] = [sa.literal(before) + person.c.program, number, *[sa.literal(0)] * 3]
    return sa.select(*columns).group_by(person.c.program)


def _there_now(
    table: sa.Table, until: sa.ColumnElement[Any], programs: Collection[str], now: datetime
) -> sa.Select[Any]:
    """Program and episode of the rows that last beyond `now`, by the index that has them in this order."""
    lasts = sa.func.coalesce(until, sa.literal_column("'infinity'::timestamptz"))
    named = table.c.program == sa.any_(sa.literal(sorted(programs), sa.ARRAY(sa.Text)))
    return sa.select(table.c.program, table.c.episode_id).where(named, lasts > now)


async def facilities(connection: AsyncConnection, episode_id: str) -> frozenset[str]:
    """The facilities of an episode; empty where there is no such episode."""
    query = sa.select(episodes.c.facilities).where(episodes.c.episode_id == episode_id, episodes.c.version > 0)
    return frozenset((await connection.execute(query)).scalar_one_or_none() or ())


async def shared(connection: AsyncConnection, episode_ids: Collection[str], scope: Scope) -> frozenset[str]:
    """Those of these episodes of which this scope covers only a part."""
    if scope.facilities is None or not episode_ids:
        return frozenset()
    query = sa.select(episodes.c.episode_id).where(
        episodes.c.episode_id.in_(sorted(episode_ids)), sa.not_(scoped.all_of(episodes.c.facilities, scope))
    )
    return frozenset((await connection.execute(query)).scalars())


async def homes(connection: AsyncConnection, episode_ids: Collection[str]) -> dict[str, str]:
    """episode → the facility of its latest fact, which shows what concerns the episode as a whole."""
    query = sa.select(episodes.c.episode_id, episodes.c.facility).where(episodes.c.episode_id.in_(sorted(episode_ids)))
    rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}


async def places_in_line(connection: AsyncConnection, programs: Collection[str]) -> dict[str, int]:
    """entry_id of somebody who waits → the place in the program's line; 1 is next."""
    rows: Sequence[Any] = (await connection.execute(_ORDER, {"programs": sorted(programs)})).all()
    return {row[0]: row[1] for row in rows}
