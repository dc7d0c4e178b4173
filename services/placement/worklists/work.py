"""All SQL that reads worklists: lines of the desk's lists that somebody has to do something about; nothing locked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.search.entry import Kind
from services.placement.tables import entries, episodes
from services.placement.worklists.views import Line, ListQuestion, Whose, selected, within

_E = entries.c
Condition = sa.ColumnElement[bool]
UNANSWERED = timedelta(days=1)
"""An offer without an end waits no longer than that for an answer."""
AHEAD = timedelta(days=7)
"""So long before its last day an authorization is to be extended."""


class Waiting(NamedTuple):
    """Which lines of a kind are work now."""

    kind: Kind
    states: tuple[str, ...]
    more: Callable[[datetime], Condition] | None = None


def _in_force(now: datetime) -> Condition:
    return sa.and_(_E.content["in_force"].as_boolean(), _E.state != "ended", _E.due > now)


def _ending(now: datetime) -> Condition:
    return sa.and_(_in_force(now), _E.due <= now + AHEAD)


def _used_up(now: datetime) -> Condition:
    """No unit is left today, or none was, and the stay goes on: past its last day too."""
    spent = sa.cast(_E.content["used_up_at"].astext, sa.DateTime(timezone=True)) <= now
    return sa.and_(spent, sa.or_(_in_force(now), _E.content["goes_on"].as_boolean()))


def _unanswered(now: datetime) -> Condition:
    return sa.or_(_E.due <= now, sa.and_(_E.due.is_(None), _E.at <= now - UNANSWERED))


def _over(now: datetime) -> Condition:
    return sa.and_(_E.due <= now)


def _seatless(_: datetime) -> Condition:
    return sa.and_(sa.not_(_E.content["seat"].as_boolean()))


WORK: Final[dict[str, Waiting]] = {
    "searches-open": Waiting("search", ("open",)),
    "offers-overdue": Waiting("offer", ("sent", "countered"), _unanswered),
    "starts-due": Waiting("placement", ("placed",), _over),
    "no-seat": Waiting("placement", ("placed", "started"), _seatless),
    "ineffective": Waiting("ineffective", ("open",)),
    "conflicts": Waiting("conflict", ("open",)),
    "authorizations-ending": Waiting("authorization", (), _ending),
    "authorizations-used-up": Waiting("authorization", (), _used_up),
    "authorizations-exhausted": Waiting("authorization", (), _used_up),
    "reviews-due": Waiting("plan", ("current",), _over),
}


async def count(connection: AsyncConnection, name: str, whose: Whose, now: datetime) -> int:
    """How many lines a worklist has."""
    query = sa.select(sa.func.count()).select_from(
        entries.join(episodes, episodes.c.episode_id == entries.c.episode_id)
    )
    return int((await connection.execute(_of(query, name, whose, now))).scalar_one())


async def lines(connection: AsyncConnection, name: str, asked: ListQuestion, now: datetime) -> list[Line]:
    """The lines of a worklist, the oldest first."""
    return await selected(connection, lambda query: _of(query, name, asked.whose, now), asked)


def _of(query: sa.Select[Any], name: str, whose: Whose, now: datetime) -> sa.Select[Any]:
    work = WORK[name]
    query = query.where(_E.kind == work.kind)
    if work.states:
        query = query.where(_E.state.in_(work.states))
    if work.more is not None:
        query = query.where(work.more(now))
    return query.where(within(whose))
