"""INSERT, UPDATE and DELETE of many rows in one statement, made once from the declared table.

Rows are tuples in the order of the named columns; a NamedTuple's `_fields` can name them. A value for a column of
arrays or of JSON is given as text: an array's text (`statements.array`) or a JSON document.
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
    """A statement that takes one array for each of its columns (`statements.written`)."""

    sql: str


def insert(table: sa.Table, columns: Sequence[str], *, in_order: bool = False, otherwise: str = "") -> RowWrite:
    """Insert rows; `in_order`: the database numbers them in the order given. Raises KeyError for a name that is no
    column, TypeError where a column that must have a value is left out."""
    left_out = [each.name for each in table.c if each.name not in columns and _needed(each)]
    if left_out:
        raise TypeError(f"rows of {table.name} need {', '.join(left_out)}")
    names, (picked, source) = ", ".join(columns), _given(table, columns, in_order=in_order)
    order = " ORDER BY n.nth" if in_order else ""
    return RowWrite(f"INSERT INTO {table.name} AS t ({names}) SELECT {picked} FROM {source}{order}{otherwise}")  # noqa: S608


def insert_missing(table: sa.Table, columns: Sequence[str]) -> RowWrite:
    """Insert rows; rows that exist stay as they are."""
    return insert(table, columns, otherwise=" ON CONFLICT DO NOTHING")


def upsert(
    table: sa.Table,
    columns: Sequence[str],
    *,
    once: Collection[str] = (),
    changes: Mapping[str, str] | None = None,
    in_order: bool = False,
    unless_same: bool = False,
    only: str = "",
) -> RowWrite:
    """Insert rows, or where the primary key exists set all columns but those in `once`.

    `changes`: column → SQL for its new value, where that is not the given one; `t` is the existing row, `excluded` the
    given one. `unless_same`: a row that would be as it was is not written, and nobody is told of it. `only`: an SQL
    condition on the existing row, which else stays as it is.
    """
    keys, own = list(table.primary_key.columns.keys()), changes or {}
    changed = ", ".join(
        f"{name} = {own.get(name, f'excluded.{name}')}" for name in columns if name not in {*keys, *once}
    )
    otherwise = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
    if unless_same:
        told = [name for name in columns if name not in {*keys, *once}]
        both = (", ".join(f"{of}.{name}" for name in told) for of in ("t", "excluded"))
        otherwise += " WHERE ({}) IS DISTINCT FROM ({})".format(*both)
    elif only:
        otherwise += f" WHERE {only}"
    return insert(table, columns, in_order=in_order, otherwise=otherwise)


def update(
    table: sa.Table,
    columns: Sequence[str],
    *,
    by: Collection[str] = (),
    changes: Mapping[str, str] | None = None,
    only: str = "",
) -> RowWrite:
    """Update existing rows, found by the columns `by` (else the primary key): the other columns get the given values.

    `changes`: column → SQL for its new value, where that is not the given one; `t` is the row, `n` the given one.
    `only`: a further SQL condition on the rows.
    """
    keys, own = [*(by or table.primary_key.columns.keys())], dict(changes or {})
    _, source = _given(table, columns)
    sets = {name: f"n.{name}{_cast(table.c[name])}" for name in columns if name not in keys} | own
    changed = ", ".join(f"{name} = {value}" for name, value in sets.items())
    which = f" AND {only}" if only else ""
    return RowWrite(f"UPDATE {table.name} AS t SET {changed} FROM {source} WHERE {_same(keys)}{which}")  # noqa: S608


def delete(table: sa.Table, columns: Sequence[str]) -> RowWrite:
    """Delete the rows that have these values."""
    return RowWrite(f"DELETE FROM {table.name} AS t USING {_given(table, columns)[1]} WHERE {_same(columns)}")  # noqa: S608


def _same(names: Collection[str]) -> str:
    return " AND ".join(f"t.{name} = n.{name}" for name in names)


def _given(table: sa.Table, columns: Sequence[str], *, in_order: bool = False) -> tuple[str, str]:
    """The select list from the arrays, and the arrays as table `n`."""
    arrays = ", ".join(
        f"${place}::{'text' if _cast(table.c[name]) else table.c[name].type.compile(POSTGRESQL)}[]"
        for place, name in enumerate(columns, 1)
    )
    names, with_order = ", ".join(columns), (" WITH ORDINALITY", ", nth") if in_order else ("", "")
    picked = ", ".join(f"n.{name}{_cast(table.c[name])}" for name in columns)
    return picked, f"unnest({arrays}){with_order[0]} AS n({names}{with_order[1]})"


def _cast(column: sa.Column[Any]) -> str:
    """Columns of arrays and JSON go as text: `unnest` would flatten an array of arrays, and the driver writes no
    JSON."""
    as_text = isinstance(column.type, sa.ARRAY | sa.JSON)
    return f"::{column.type.compile(POSTGRESQL)}" if as_text else ""


def _needed(column: sa.Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and column.identity is None
