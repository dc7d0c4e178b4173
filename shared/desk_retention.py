"""How long a desk keeps who had an entry of a list, or put it out of sight, and who uses the desk: the site's days
(`retention.desk_days`)."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from shared.retention import AT_ONCE, Deleted, RetentionKind
from shared.site.limits import Retention
from shared.storage.database import Connection
from shared.storage.desk_tables import desk_people, entry_marks

_M, _P = entry_marks.c, desk_people.c
_LATEST = sa.func.greatest(_M.taken_at, _M.snoozed_until)
"""When somebody took the entry, or it came back to the list: the later of both. A mark that says neither is deleted at
the next act on the list (entry_marks.py)."""


def of_a_desk(site: Retention) -> list[RetentionKind]:
    """The kinds of a service whose desk has lists."""
    kept = timedelta(days=site.desk_days)
    return [
        _kind("entry-marks", kept, entry_marks, _LATEST, (_M.kind, _M.id)),
        _kind("desk-people", kept, desk_people, _P.seen_at, (_P.subject,)),
    ]


def _kind(
    name: str, kept: timedelta, table: sa.Table, at: sa.ColumnElement[datetime], key: tuple[sa.Column[str], ...]
) -> RetentionKind:
    """Rows of a table that are older by `at`; `key`: its primary key."""

    async def old(connection: Connection, before: datetime) -> int:
        found: int = (
            await connection.execute(sa.select(sa.func.count()).select_from(table).where(at < before))
        ).scalar_one()
        return found

    async def delete(connection: Connection, before: datetime) -> Deleted:
        some = sa.select(*key).where(at < before).limit(AT_ONCE).with_for_update(skip_locked=True)
        number = (await connection.execute(sa.delete(table).where(sa.tuple_(*key).in_(some)))).rowcount
        return Deleted(number, number == AT_ONCE)

    return RetentionKind(name, kept, old, delete)
