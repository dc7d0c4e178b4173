"""Statements sent through the driver itself, and several of them sent as one; the SQL comes from the stores.

A statement through SQLAlchemy costs about 0.3 ms of this process, a prepared one of the driver a third of that, and a
batch of one message consists mostly of statements. Placeholders are PostgreSQL's: $1, $2 … in each statement.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.storage.database import before_commit, copy_rows, driver_of
from shared.storage.row_writes import POSTGRESQL, RowWrite, insert

_PLACE = re.compile(r"\$(\d+)")


class Read(NamedTuple):
    """A SELECT and its parameters. Read together with others it may have no column of arrays, which the driver cannot
    decode."""

    sql: str
    given: tuple[Any, ...]


class SqlWrite(NamedTuple):
    """An INSERT, UPDATE or DELETE and its parameters; no two of one transaction may write the same row."""

    sql: str
    given: tuple[Any, ...]


class Append(NamedTuple):
    """Rows to append to a table, in their order; not for a table with a column of arrays."""

    table: sa.Table
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


Writes = list[SqlWrite | Append]
MANY = 100
"""From so many rows on COPY costs a fourth of what an INSERT of arrays does; below, its own round trip costs more."""


def driven(statement: sa.Select[Any]) -> str:
    """A statement with one parameter as SQL for the driver."""
    return str(statement.compile(dialect=POSTGRESQL))


async def rows(connection: AsyncConnection, sql: str, *given: Any) -> Sequence[Any]:
    """The rows of a statement, inside the connection's transaction; columns by name or place."""
    found: Sequence[Any] = await driver_of(connection).fetch(sql, *given)
    return found


async def together(connection: AsyncConnection, reads: Iterable[Read]) -> list[list[Any]]:
    """The rows of each read, in one round trip and as of one instant; columns by place."""
    every = list(reads)
    sql = _asked(tuple([(read.sql, len(read.given)) for read in every]))
    found = await driver_of(connection).fetchrow(sql, *[value for read in every for value in read.given])
    return list(found)


async def first_then(
    connection: AsyncConnection, first: SqlWrite, number: int, reads: Sequence[Read]
) -> tuple[list[Any], list[list[Any]]]:
    """A transaction's first write, and reads once it is done, in one round trip: what the write returns, and the rows
    of each read, as `together` gives them. A read that locks rows does so after the write.

    `number`: how many rows the write has to return; with another number the reads find, and lock, nothing. All reads
    see what was there when the write began, but for the rows that they lock.
    """
    sql = _led(first.sql, len(first.given), tuple([(read.sql, len(read.given)) for read in reads]))
    given = [value for read in reads for value in read.given]
    done, *found = await driver_of(connection).fetchrow(sql, *first.given, number, *given)
    return done, found


async def at_once(connection: AsyncConnection, writes: Iterable[SqlWrite | Append]) -> None:
    """Do all writes in one round trip, and one more for each long Append; each sees the tables as before."""
    few: list[SqlWrite] = []
    for each in writes:
        if isinstance(each, SqlWrite):
            few.append(each)
        elif len(each.rows) >= MANY:
            await copy_rows(connection, *each)
        elif each.rows:
            few += written(_appending(each.table, each.columns), each.rows)
    if few:
        sql = _joined(tuple([(write.sql, len(write.given)) for write in few]))
        await driver_of(connection).fetch(sql, *[value for write in few for value in write.given])


@asynccontextmanager
async def meanwhile(
    connection: AsyncConnection,
) -> AsyncIterator[Callable[[Iterable[SqlWrite | Append]], Awaitable[None]]]:
    """For many writes: each call begins some and returns, so that the database does them while this process makes the
    next ones. They are done one after the other, all of them when the context ends; within it nothing else may use the
    connection. An error of one is raised by the next call, or at the end.
    """
    begun: asyncio.Task[None] | None = None

    async def begin(writes: Iterable[SqlWrite | Append]) -> None:
        nonlocal begun
        if begun is not None:
            await begun
        begun = asyncio.create_task(at_once(connection, writes))
        await asyncio.sleep(0)  # the task's turn: it sends its statement now

    try:
        yield begin
        if begun is not None:
            await begun
    finally:
        if begun is not None:
            begun.cancel()  # after an error: the connection is needed for ROLLBACK
            await asyncio.gather(begun, return_exceptions=True)


async def at_the_end(connection: AsyncConnection, writes: Iterable[SqlWrite | Append]) -> None:
    """Do these writes before COMMIT, in one round trip with all others of the transaction that can wait so long.

    Nothing that follows in the transaction may read what they write, nor write the same rows.
    """
    before_commit(connection, _LateWrites).writes += writes


class _LateWrites:
    """The writes of one transaction that wait for its end; rows for the same columns go in together, in their order."""

    def __init__(self) -> None:
        self.writes: Writes = []

    async def __call__(self, connection: AsyncConnection) -> None:
        appended: dict[tuple[sa.Table, tuple[str, ...]], list[Sequence[Any]]] = defaultdict(list)
        others: Writes = []
        for each in self.writes:
            if isinstance(each, SqlWrite):
                others.append(each)
            else:
                appended[each.table, each.columns] += each.rows
        await at_once(connection, [*others, *(Append(*where, rows) for where, rows in appended.items())])


def written(by: RowWrite, rows: Sequence[Sequence[Any]]) -> list[SqlWrite]:
    """Rows as a write with this statement; an empty list for no rows."""
    return [SqlWrite(by.sql, tuple(map(list, zip(*rows, strict=True))))] if rows else []


@lru_cache(64)
def _appending(table: sa.Table, columns: tuple[str, ...]) -> RowWrite:
    return insert(table, columns, in_order=True)


def array(values: Iterable[str]) -> str:
    """Texts as the text of a PostgreSQL array, for a column of arrays, which `unnest` would flatten."""
    return "{" + ",".join(['"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in values]) + "}"


def bytes_array(values: Iterable[bytes]) -> str:
    """Bytes as the text of a PostgreSQL bytea[]."""
    return "{" + ",".join(['"\\\\x' + each.hex() + '"' for each in values]) + "}"


@lru_cache(256)
def _joined(parts: tuple[tuple[str, int], ...]) -> str:
    """The writes as one statement."""
    if len(parts) == 1:
        return parts[0][0]
    return "WITH " + ",\n".join(f"w{n} AS ({sql})" for n, sql in enumerate(_counted_on(parts))) + "\nSELECT"


@lru_cache(256)
def _asked(parts: tuple[tuple[str, int], ...]) -> str:
    """The reads as one statement with one row: an array of rows for each read."""
    return "SELECT " + ",\n".join(f"ARRAY(SELECT r FROM ({sql}) AS r)" for sql in _counted_on(parts))  # noqa: S608


@lru_cache(64)
def _led(first: str, given: int, parts: tuple[tuple[str, int], ...]) -> str:
    """A write `w`, and the reads as `_asked` has them, each only where the write returned as many rows as it should."""
    _, done, *reads = _counted_on((("", given), ("(SELECT count(*) FROM w) = $1::bigint", 1), *parts))
    found = [f"ARRAY(SELECT r FROM ({sql}) AS r WHERE {done})" for sql in reads]  # noqa: S608
    return f"WITH w AS ({first}) SELECT " + ",\n".join(["ARRAY(SELECT w FROM w)", *found])  # noqa: S608


def _counted_on(parts: tuple[tuple[str, int], ...]) -> list[str]:
    """The statements with their placeholders numbered on from one to the next."""
    counted, before = [], 0
    for sql, given in parts:
        counted.append(_PLACE.sub(lambda found, by=before: f"${int(found[1]) + by}", sql))  # type: ignore[misc]
        before += given
    return counted
