"""Words of ours in SQL: kinds, states, keys of JSON, written into a statement and not bound.

A service's plans know no values (database.py: one plan for all): of what is bound, PostgreSQL can't tell whether a
partial index has it, nor how many rows are so. What a list is never changes, so it is written; what is asked is bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def word(text: str) -> sa.ColumnElement[str]:
    """A word in quotes. Raises ValueError for what is none of ours: small letters, digits, hyphens, underlines."""
    if _WORD.fullmatch(text) is None:
        raise ValueError("only a word of ours is written into SQL")
    return sa.literal_column(f"'{text}'", sa.Text())


def among(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """The condition for a column to be one of these words."""
    return column.in_([word(each) for each in words])


def text_of(column: sa.ColumnElement[Any], *path: str) -> sa.ColumnElement[str]:
    """The text under a key of a JSON column, or under a path of them; NULL where there is none."""
    *outer, last = path
    inside = column
    for each in outer:
        inside = inside.op("->", return_type=column.type)(word(each))
    return inside.op("->>", return_type=sa.Text())(word(last))


def truth_of(column: sa.ColumnElement[Any], key: str) -> sa.ColumnElement[bool]:
    """What is true or false under a key of a JSON column."""
    return sa.cast(text_of(column, key), sa.Boolean)


def has(column: sa.ColumnElement[Any], key: str) -> sa.ColumnElement[bool]:
    """The condition for a JSON column to have this key."""
    return column.op("?", return_type=sa.Boolean())(word(key))
