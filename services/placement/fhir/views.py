"""All SQL by which episodes are found for resources of FHIR; it locks nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.tables import entries, episodes
from shared.scope import Scope
from shared.storage import scoped


async def ids_after(
    connection: AsyncConnection,
    scope: Scope,
    *,
    after: str,
    most: int,
    among: Collection[str] | None = None,
    patients: Collection[str] | None = None,
    entry: str | None = None,
    states: Collection[str] | None = None,
) -> Sequence[str]:
    """Ids of up to `most` episodes that a facility in scope has, after the id `after`; of these ids, and of these
    patients, where they are given.

    `entry`: those that have an entry of this kind in the desk's lists; `states`: and one in one of these states,
    without `entry` those in one of these themselves. An episode of which only a part is in scope may show another
    state, so it is not left out for its state.
    """
    query = sa.select(episodes.c.episode_id).where(
        episodes.c.version > 0, episodes.c.episode_id > after, scoped.any_of(episodes.c.facilities, scope)
    )
    if among is not None:
        query = query.where(episodes.c.episode_id.in_(sorted(among)))
    if patients is not None:
        query = query.where(episodes.c.patient_id.in_(sorted(patients)))
    theirs = sa.select(entries.c.id).where(entries.c.episode_id == episodes.c.episode_id, entries.c.kind == entry)
    if entry is not None:
        query = query.where(theirs.exists())
    if states is not None:
        so = (
            theirs.where(entries.c.state.in_(sorted(states))).exists()
            if entry
            else episodes.c.state.in_(sorted(states))
        )
        query = query.where(sa.or_(sa.not_(scoped.all_of(episodes.c.facilities, scope)), so))
    return (await connection.execute(query.order_by(episodes.c.episode_id).limit(most))).scalars().all()


async def having(connection: AsyncConnection, entry: str, ids: Collection[str]) -> frozenset[str]:
    """The episodes that have an entry of this kind with one of these ids."""
    query = sa.select(entries.c.episode_id).where(entries.c.kind == entry, entries.c.id.in_(sorted(ids)))
    return frozenset((await connection.execute(query)).scalars())
