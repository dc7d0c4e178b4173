"""All SQL by which episodes are found for resources of FHIR; it locks nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.tables import episodes
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
) -> Sequence[str]:
    """Ids of up to `most` episodes that a facility in scope has, after the id `after`; of these ids, and of these
    patients, where they are given."""
    query = sa.select(episodes.c.episode_id).where(
        episodes.c.version > 0, episodes.c.episode_id > after, scoped.any_of(episodes.c.facilities, scope)
    )
    if among is not None:
        query = query.where(episodes.c.episode_id.in_(sorted(among)))
    if patients is not None:
        query = query.where(episodes.c.patient_id.in_(sorted(patients)))
    return (await connection.execute(query.order_by(episodes.c.episode_id).limit(most))).scalars().all()
