"""INSERT, UPDATE and DELETE of many rows as one statement, made once from the declared table: a column is said there.

Rows are tuples in the order of the columns that are named; a NamedTuple's `_fields` ties the two by name. A value of a
column of arrays or of JSON is given as text: the text of an array (`statements.array`), a JSON document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg

POSTGRESQL = asyncpg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class RowWrite:
    """A statement that is given an array for each of its columns (`statements.written`)."""

    sql: str


def insert(table: sa.Table, columns: Sequence[str], *, in_order: bool = False, otherwise: str = "") -> RowWrite:
    """New rows; `in_order`: numbered by the database as they are given. Raises KeyError for a name that is no column,
    TypeError where a column is left out that must have a value."""
    left_out = [each.name for each in table.c if each.name not in columns and _needed(each)]
    if left_out:
        raise TypeError(f"rows of {table.name} need {', '.join(left_out)}")
    names, (picked, source) = ", ".join(columns), _given(table, columns, in_order=in_order)
    order = " ORDER BY n.nth" if in_order else ""
    return RowWrite(f"INSERT INTO {table.name} AS t ({names}) SELECT {picked} FROM {source}{order}{otherwise}")  # noqa: S608


def insert_missing(table: sa.Table, columns: Sequence[str]) -> RowWrite:
    """New rows; those that are there stay as they are."""
    return insert(table, columns, otherwise=" ON CONFLICT DO NOTHING")


def upsert(
    table: sa.Table,
    columns: Sequence[str],
    *,
    once: Collection[str] = (),
    changes: Mapping[str, str] | None = None,
    in_order: bool = False,
) -> RowWrite:
    """New rows, or of those that are there (by primary key) every column but those that are said `once`.

    `changes`: what a column becomes, where it is not what is given: of the row that is there (`t`) and the given one
    (`excluded`).
    """
    keys, own = list(table.primary_key.columns.keys()), changes or {}
    changed = ", ".join(
        f"{name} = {own.get(name, f'excluded.{name}')}" for name in columns if name not in {*keys, *once}
    )
    otherwise = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
    return insert(table, columns, in_order=in_order, otherwise=otherwise)


def update(
    table: sa.Table,
    columns: Sequence[str],
    *,
    by: Collection[str] = (),
    changes: Mapping[str, str] | None = None,
    only: str = "",
) -> RowWrite:
    """Rows that are there, found `by` columns (else the primary key): the other columns become what is given.

    `changes`: what a column becomes where it is not that, of the row (`t`) and the given one (`n`). `only`: which rows.
    """
    keys, own = [*(by or table.primary_key.columns.keys())], dict(changes or {})
    _, source = _given(table, columns)
    sets = {name: f"n.{name}{_cast(table.c[name])}" for name in columns if name not in keys} | own
    changed = ", ".join(f"{name} = {value}" for name, value in sets.items())
    which = f" AND {only}" if only else ""
    return RowWrite(f"UPDATE {table.name} AS t SET {changed} FROM {source} WHERE {_same(keys)}{which}")  # noqa: S608


def delete(table: sa.Table, columns: Sequence[str]) -> RowWrite:
    """The rows that have these values."""
    return RowWrite(f"DELETE FROM {table.name} AS t USING {_given(table, columns)[1]} WHERE {_same(columns)}")  # noqa: S608


def _same(names: Collection[str]) -> str:
    return " AND ".join(f"t.{name} = n.{name}" for name in names)


def _given(table: sa.Table, columns: Sequence[str], *, in_order: bool = False) -> tuple[str, str]:
    """What is picked from the arrays, and the arrays as a table `n`."""
    arrays = ", ".join(
        f"${place}::{'text' if _cast(table.c[name]) else table.c[name].type.compile(POSTGRESQL)}[]"
        for place, name in enumerate(columns, 1)
    )
    names, with_order = ", ".join(columns), (" WITH ORDINALITY", ", nth") if in_order else ("", "")
    picked = ", ".join(f"n.{name}{_cast(table.c[name])}" for name in columns)
    return picked, f"unnest({arrays}){with_order[0]} AS n({names}{with_order[1]})"


def _cast(column: sa.Column[Any]) -> str:
    """`unnest` would flatten an array of arrays, and the driver writes no JSON."""
    as_text = isinstance(column.type, sa.ARRAY | sa.JSON)
    return f"::{column.type.compile(POSTGRESQL)}" if as_text else ""


def _needed(column: sa.Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and column.identity is None
