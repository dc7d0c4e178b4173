"""Scope as an SQL condition on rows; shared/scope.py defines what a scope is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.scope import Scope


def of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """True where the facility in this column is in scope."""
    return sa.true() if scope.facilities is None else column.in_(scope.listed or ())


def all_of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """True where every facility in this array column is in scope."""
    return sa.true() if scope.facilities is None else column.contained_by(_texts(scope))


def any_of(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """True where one of the facilities in this array column is in scope."""
    return sa.true() if scope.facilities is None else column.overlap(_texts(scope))


def _texts(scope: Scope) -> sa.ColumnElement[Any]:
    return sa.cast(sa.literal(scope.listed or [], sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text))
