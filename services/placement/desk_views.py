"""All SQL that only reads the desk's tables: lines of lists, claims on seats, places in line; nothing locked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.programs.census import Place, end_known
from services.placement.tables import entries, episodes, seats
from shared.values import value_object


@value_object
class Line:
    """One line of a list. `facility` is the program's where it is about one, `home` the episode's."""

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
    home: str
    version: int


@value_object
class Scope:
    """Whose lines somebody sees: of these facilities (None: all), the episode's own one (`home`) counting or not."""

    facilities: frozenset[str] | None
    home: bool = True

    def has(self, line: Line) -> bool:
        """Whether the line is one of them."""
        if self.facilities is None or line.facility in self.facilities:
            return True
        return self.home and line.home in self.facilities


@value_object
class Question:
    """Which lines of a kind are asked for, at most so many, from behind (at, id) on."""

    scope: Scope
    most: int
    after: tuple[datetime, str] | None = None
    state: str | None = None
    episode_id: str | None = None
    program: str | None = None
    at: datetime | None = None
    placement_id: str | None = None


_EPISODE = (episodes.c.patient_id, episodes.c.facility.label("home"), episodes.c.version)
_LINES = sa.select(entries, *_EPISODE).join(episodes, episodes.c.episode_id == entries.c.episode_id)
_SEATS = sa.select(
    seats,
    *_EPISODE,
    sa.func.lower(seats.c.during).label("begins"),
    sa.func.upper(seats.c.during).label("until"),
).join(episodes, episodes.c.episode_id == seats.c.episode_id)
_PLACES = sa.text(
    "SELECT program, episode_id, since, until, expected, NULL AS group_id, NULL AS seat_id FROM program_stays "
    "WHERE program = ANY(:programs) AND COALESCE(until, 'infinity'::timestamptz) > :since UNION ALL "
    "SELECT program, episode_id, lower(during), upper(during), NULL, group_id, seat_id FROM seats "
    "WHERE program = ANY(:programs) AND COALESCE(upper(during), 'infinity'::timestamptz) > :since"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)), sa.bindparam("since", type_=sa.DateTime(timezone=True)))
_ORDER = sa.text(
    "SELECT id, row_number() OVER (PARTITION BY program ORDER BY at, id) FROM entries "
    "WHERE kind = 'waiting' AND state = 'waiting' AND program = ANY(:programs)"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)))


async def lines(connection: AsyncConnection, kind: str, asked: Question) -> list[Line]:
    """Lines of a kind by since when, the oldest first."""
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
    if asked.scope.facilities is not None:
        query = query.where(within(columns.facility.in_(sorted(asked.scope.facilities)), asked.scope))
    if asked.after is not None:
        query = query.where(sa.tuple_(columns.at, columns.id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(columns.at, columns.id).limit(asked.most))
    return [_line(row) for row in rows.all()]


async def counted(connection: AsyncConnection, kind: str, asked: Question, late: datetime | None) -> tuple[int, int]:
    """How many lines of a kind there are in a state, and of how many the time was over by `late` (None: of none)."""
    columns, count = entries.c, sa.func.count()
    over = count.filter(columns.due < late) if late is not None else sa.literal(0)
    joined = sa.join(entries, episodes, episodes.c.episode_id == columns.episode_id)
    query = sa.select(count, over).select_from(joined).where(columns.kind == kind, columns.state == asked.state)
    if asked.scope.facilities is not None:
        query = query.where(within(columns.facility.in_(sorted(asked.scope.facilities)), asked.scope))
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1])


async def selected(
    connection: AsyncConnection, narrowed: Callable[[sa.Select[Any]], sa.Select[Any]], asked: Question
) -> list[Line]:
    """Lines of any kind that a query is narrowed down to, the oldest first, from where `asked` says on."""
    query = narrowed(_LINES)
    if asked.after is not None:
        query = query.where(sa.tuple_(entries.c.at, entries.c.id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(entries.c.at, entries.c.id).limit(asked.most))
    return [_line(row) for row in rows.all()]


async def line(connection: AsyncConnection, kind: str, entry_id: str) -> Line | None:
    """One line."""
    row = (await connection.execute(_LINES.where(entries.c.kind == kind, entries.c.id == entry_id))).first()
    return _line(row) if row else None


def within(here: sa.ColumnElement[bool], scope: Scope) -> sa.ColumnElement[bool]:
    """Somewhere that is in scope, or of an episode whose own facility is."""
    return sa.or_(here, episodes.c.facility.in_(sorted(scope.facilities or ()))) if scope.home else here


def _line(row: Any) -> Line:
    return Line(**{name: getattr(row, name) for name in Line.__dataclass_fields__})


async def claimed(connection: AsyncConnection, asked: Question, facility_of: dict[str, str]) -> list[Line]:
    """Claims on seats as lines, by since when; `facility_of`: program → facility, for every one of the site."""
    begins = sa.func.lower(seats.c.during)
    query = _SEATS
    for column, value in ((seats.c.episode_id, asked.episode_id), (seats.c.program, asked.program)):
        query = query if value is None else query.where(column == value)
    if asked.at is not None:
        query = query.where(seats.c.during.op("@>")(sa.literal(asked.at, sa.DateTime(timezone=True))))
    if asked.placement_id is not None:
        query = query.where(seats.c.placement_id == asked.placement_id)
    if asked.scope.facilities is not None:
        here = [name for name, facility in facility_of.items() if facility in asked.scope.facilities]
        query = query.where(within(seats.c.program.in_(here), asked.scope))
    if asked.after is not None:
        query = query.where(sa.tuple_(begins, seats.c.seat_id) > sa.tuple_(*map(sa.literal, asked.after)))
    rows = await connection.execute(query.order_by(begins, seats.c.seat_id).limit(asked.most))
    return [_claim(row, facility_of) for row in rows.all()]


async def claim(connection: AsyncConnection, seat_id: str, facility_of: dict[str, str]) -> Line | None:
    """One claim."""
    row = (await connection.execute(_SEATS.where(seats.c.seat_id == seat_id))).first()
    return _claim(row, facility_of) if row else None


def _claim(row: Any, facility_of: dict[str, str]) -> Line:
    content = {"seat_id": row.seat_id, "group": row.group_id, "placement_id": row.placement_id}
    content |= {"from": row.begins.isoformat(), "until": row.until.isoformat() if row.until else None}
    state = "taken" if row.placement_id else "held"
    return Line(
        "seat", row.seat_id, row.episode_id, facility_of.get(row.program, row.home), row.program, state, row.begins,
        None, {name: value for name, value in content.items() if value is not None}, row.patient_id, row.home,
        row.version,
    )  # fmt: skip


async def places(
    connection: AsyncConnection, programs: Collection[str], since: datetime, now: datetime
) -> dict[str, list[Place]]:
    """Program → everybody's places there that go beyond `since`: seats held, and stays by whichever door."""
    found: dict[str, list[Place]] = defaultdict(list)
    asked = {"programs": sorted(programs), "since": min(since, now)}
    for row in (await connection.execute(_PLACES, asked)).all():
        until = row.until if row.seat_id else end_known(row.until, row.expected, now)
        found[row.program].append(Place(row.episode_id, row.since, until, row.group_id, row.seat_id))
    return found


async def facility(connection: AsyncConnection, episode_id: str) -> str | None:
    """The episode's facility; None where there is no such episode."""
    query = sa.select(episodes.c.facility).where(episodes.c.episode_id == episode_id, episodes.c.version > 0)
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def state(connection: AsyncConnection, episode_id: str) -> str | None:
    """The episode's state."""
    query = sa.select(episodes.c.state).where(episodes.c.episode_id == episode_id)
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def places_in_line(connection: AsyncConnection, programs: Collection[str]) -> dict[str, int]:
    """Entry of somebody who waits → the place in the program's line, 1 is next."""
    rows: Sequence[Any] = (await connection.execute(_ORDER, {"programs": sorted(programs)})).all()
    return {row[0]: row[1] for row in rows}
