"""What aftercare's pages and checks read; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.aftercare.domain import State
from services.aftercare.tables import episodes, facts, follow_ups
from shared.db import Connection
from shared.tables import positions

ALL_FACTS = sa.select(sa.literal("aftercare"), facts.c.episode_id, facts.c.sequence, facts.c.ce_id).order_by(
    facts.c.episode_id, facts.c.sequence
)
ALL_TOLD = sa.select(episodes.c.episode_id, episodes.c.version).where(episodes.c.version > 0)


class After(NamedTuple):
    """The last row of the page before: where the next one begins."""

    due_to: date
    follow_up_id: str


async def list_follow_ups(
    connection: Connection,
    *,
    state: State | None,
    facilities: frozenset[str] | None,
    after: After | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Up to `limit` windows by their last day. `facilities` None: of every one."""
    columns = follow_ups.c
    query = sa.select(follow_ups).order_by(columns.due_to, columns.follow_up_id).limit(limit)
    if state is not None:
        query = query.where(columns.state == state)
    if facilities is not None:
        query = query.where(columns.facility.in_(sorted(facilities)))
    if after is not None:
        query = query.where(sa.tuple_(columns.due_to, columns.follow_up_id) > sa.tuple_(*after))
    return [_plain(row) for row in (await connection.execute(query)).mappings()]


async def episodes_after(connection: Connection, episode_id: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` stored episodes with an id greater than the one given."""
    query = sa.select(episodes).where(episodes.c.episode_id > episode_id).order_by(episodes.c.episode_id).limit(limit)
    return [_plain(row) for row in (await connection.execute(query)).mappings()]


async def facts_of(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Every fact that aftercare stated in these episodes, each episode's in order."""
    query = sa.select(facts).where(facts.c.episode_id.in_(ids)).order_by(facts.c.episode_id, facts.c.sequence)
    return [_plain(row) for row in (await connection.execute(query)).mappings()]


async def windows_of(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of these episodes' windows."""
    query = sa.select(follow_ups).where(follow_ups.c.episode_id.in_(ids))
    return [_plain(row) for row in (await connection.execute(query)).mappings()]


async def where_consumers_stand(connection: Connection) -> list[dict[str, Any]]:
    """Positions with their counts."""
    return [_plain(row) for row in (await connection.execute(sa.select(positions))).mappings()]


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}  # SQLAlchemy's names are not plain str, JSON needs them so
