"""Who has an entry of a list, and until when it is out of sight: the SQL of the table `entry_marks`.

A mark names the state in which the entry was then; in another state it counts no more, and the entry is nobody's again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.storage.desk_tables import entry_marks

_M = entry_marks.c
COLUMNS = tuple(_M[name] for name in ("taken_by", "taken_at", "snoozed_until", "snooze_reason"))
"""What a list shows of a mark: who has the entry, since when, until when it is out of sight, the word for why."""
SWEPT = 100
"""Void marks that one write deletes at most."""


class Marked(NamedTuple):
    """An entry, in the state in which it is marked."""

    kind: str
    id: str
    state: str


def is_of(kind: sa.ColumnElement[str], entry_id: sa.ColumnElement[str], state: sa.ColumnElement[str]) -> Any:
    """The condition by which a table of entries is joined with the marks that count."""
    return sa.and_(_M.kind == kind, _M.id == entry_id, _M.state == state)


def snoozed(now: datetime) -> sa.ColumnElement[bool]:
    """The condition for an entry, joined with its mark, to be out of sight."""
    return sa.func.coalesce(_M.snoozed_until > now, sa.false())


async def of(connection: AsyncConnection, entry: Marked) -> Sequence[Any]:
    """The values of COLUMNS of the mark that counts; empty where there is none."""
    row = (await connection.execute(sa.select(*COLUMNS).where(*_same(entry)))).one_or_none()
    return tuple(row) if row is not None else ()


async def take(connection: AsyncConnection, entry: Marked, to: str, *, by: str, at: datetime) -> bool:
    """Let `to` have the entry, where nobody has it, or `by` or `to` has. False: somebody else has it. Of two at once
    the first to write wins, and the other one waits for its commit."""
    given = insert(entry_marks).values(**entry._asdict(), taken_by=to, taken_at=at)
    same = sa.and_(_M.state == entry.state, _M.taken_by == to)
    changed = {
        "taken_by": to,
        "taken_at": sa.case((same, _M.taken_at), else_=at),
        **_kept(entry, ("snoozed_until", "snoozed_by", "snooze_reason")),
    }
    return await _written(connection, given, entry, changed, (by, to))


async def give_back(connection: AsyncConnection, entry: Marked, *, by: str | None) -> bool:
    """Nobody has it any more. False: nobody had it, or another than `by` (None: whoever has it)."""
    whose = _M.taken_by.is_not(None) if by is None else _M.taken_by == by
    return await _updated(connection, entry, whose, {"taken_by": None, "taken_at": None})


async def snooze(
    connection: AsyncConnection, entry: Marked, until: datetime, reason: str, *, by: str, at: datetime
) -> bool:
    """Take it out of sight until then. False: somebody else has it. `at`: now."""
    new = {"snoozed_until": until, "snoozed_by": by, "snooze_reason": reason}
    given = insert(entry_marks).values(**entry._asdict(), **new)
    done = await _written(connection, given, entry, {**new, **_kept(entry, ("taken_by", "taken_at"))}, (by,))
    await _sweep(connection, at)
    return done


async def wake(connection: AsyncConnection, entry: Marked, at: datetime) -> bool:
    """It is in sight again. False: it was."""
    none: dict[str, Any] = dict.fromkeys(("snoozed_until", "snoozed_by", "snooze_reason"))
    return await _updated(connection, entry, _M.snoozed_until > at, none)


def _same(entry: Marked) -> tuple[sa.ColumnElement[bool], ...]:
    return _M.kind == entry.kind, _M.id == entry.id, _M.state == entry.state


def _kept(entry: Marked, names: Collection[str]) -> dict[str, Any]:
    """These columns as they are, where the mark counts; else nothing."""
    return {name: sa.case((_M.state == entry.state, _M[name]), else_=sa.null()) for name in names}


async def _written(
    connection: AsyncConnection, given: Any, entry: Marked, changed: dict[str, Any], whose: Collection[str]
) -> bool:
    """Write the mark where it is void, or the entry is nobody's or of one of `whose`."""
    free = sa.or_(_M.state != entry.state, _M.taken_by.is_(None), _M.taken_by.in_(whose))
    statement = given.on_conflict_do_update(
        index_elements=[_M.kind, _M.id], set_={"state": entry.state, **changed}, where=free
    ).returning(_M.id)
    return (await connection.execute(statement)).one_or_none() is not None


async def _updated(
    connection: AsyncConnection, entry: Marked, also: sa.ColumnElement[bool], changed: dict[str, Any]
) -> bool:
    statement = sa.update(entry_marks).where(*_same(entry), also).values(changed).returning(_M.id)
    return (await connection.execute(statement)).one_or_none() is not None


async def _sweep(connection: AsyncConnection, at: datetime) -> None:
    """Delete marks that say nothing any more; those that another transaction holds go later."""
    over = sa.and_(_M.taken_by.is_(None), sa.func.coalesce(_M.snoozed_until, at) <= at)
    found = sa.select(_M.kind, _M.id).where(over).limit(SWEPT).with_for_update(skip_locked=True).subquery()
    gone = sa.and_(_M.kind == found.c.kind, _M.id == found.c.id)
    await connection.execute(sa.delete(entry_marks).where(gone))
