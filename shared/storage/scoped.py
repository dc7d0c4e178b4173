"""Scope as a condition on rows; the notion itself is in shared/scope.py."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.scope import Scope


def of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """Whether the facility in this column is in scope."""
    return sa.true() if scope.facilities is None else column.in_(scope.listed or ())


def all_of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """Whether every facility of this column, an array, is in scope."""
    return sa.true() if scope.facilities is None else column.contained_by(_texts(scope))


def any_of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """Whether one of the facilities of this column, an array, is in scope."""
    return sa.true() if scope.facilities is None else column.overlap(_texts(scope))


def _texts(scope: Scope) -> sa.ColumnElement[Any]:
    return sa.cast(sa.literal(scope.listed or [], sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text))
