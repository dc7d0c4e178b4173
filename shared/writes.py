"""Statements asked of the driver itself, and several writes as one statement; SQL comes from stores, none is here.

A statement through SQLAlchemy costs about 0.3 ms of this process, one of the driver's own prepared ones a third of it;
a batch of one message is mostly that. Placeholders are PostgreSQL's: $1, $2 … in each statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_PLACE = re.compile(r"\$(\d+)")


class Write(NamedTuple):
    """An INSERT, UPDATE or DELETE, and what it is given; no two of one transaction may write the same row."""

    sql: str
    given: tuple[Any, ...]


async def rows(connection: AsyncConnection, sql: str, *given: Any) -> Sequence[Any]:
    """The rows of a statement, inside the connection's transaction; columns by name or place."""
    found: Sequence[Any] = await (await _driver(connection)).fetch(sql, *given)
    return found


async def at_once(connection: AsyncConnection, writes: Iterable[Write]) -> None:
    """Do all of the writes in one round trip; each sees the tables as they were before all of them."""
    every = list(writes)
    if every:
        sql = _joined(tuple((write.sql, len(write.given)) for write in every))
        await (await _driver(connection)).fetch(sql, *(value for write in every for value in write.given))


def array(values: Iterable[str]) -> str:
    """Texts as the text of a PostgreSQL array: for a column of arrays, which `unnest` would flatten."""
    return "{" + ",".join('"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in values) + "}"


def bytes_array(values: Iterable[bytes]) -> str:
    """Bytes as the text of a PostgreSQL bytea[]."""
    return "{" + ",".join('"\\\\x' + each.hex() + '"' for each in values) + "}"


@lru_cache(256)
def _joined(parts: tuple[tuple[str, int], ...]) -> str:
    """The statements as parts of one, their placeholders counted on."""
    if len(parts) == 1:
        return parts[0][0]
    counted, before = [], 0
    for number, (sql, given) in enumerate(parts):
        moved = _PLACE.sub(lambda found, by=before: f"${int(found[1]) + by}", sql)  # type: ignore[misc]
        counted.append(f"w{number} AS ({moved})")
        before += given
    return "WITH " + ",\n".join(counted) + "\nSELECT"


async def _driver(connection: AsyncConnection) -> Any:
    if connection.sync_connection is None:
        raise RuntimeError("the connection is not open")
    driver = connection.sync_connection.connection.driver_connection
    if driver is None or not driver.is_in_transaction():
        await connection.execute(sa.text("SELECT 1"))  # SQLAlchemy begins with the first statement it sees
        driver = connection.sync_connection.connection.driver_connection
    return driver
