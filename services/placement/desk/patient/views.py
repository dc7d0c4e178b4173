"""All SQL of the patient's page that other views do not have; it locks nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.engine.views import Stored, stored
from services.placement.tables import episodes

_OF_PATIENT = sa.select(episodes.c.episode_id).where(
    episodes.c.patient_id == sa.bindparam("patient_id"), episodes.c.version > 0
)
_MERGED_FROM = sa.text(
    "SELECT m.told ->> 'surviving_episode_id' FROM (SELECT convert_from(value, 'UTF8')::jsonb AS told FROM facts "
    "WHERE type = 'care.patients-merged.v1') AS m WHERE m.told ->> 'retired_patient_id' = :patient_id"
)
"""By an index of merges, of which there are few."""
_ACTORS = sa.text(
    "SELECT at, min(actor) FROM audit WHERE subject = :subject AND action = ANY(:actions) GROUP BY at "
    "HAVING count(DISTINCT actor) = 1"
).bindparams(sa.bindparam("actions", type_=sa.ARRAY(sa.Text)))


async def of_patient(connection: AsyncConnection, patient_id: str) -> list[Stored]:
    """The episodes of a patient."""
    ids = (await connection.execute(_OF_PATIENT, {"patient_id": patient_id})).scalars().all()
    return await stored(connection, ids)


async def merged_from(connection: AsyncConnection, patient_id: str) -> list[Stored]:
    """The episodes that a merge gave to another patient than this one, or that it ever did."""
    ids = (await connection.execute(_MERGED_FROM, {"patient_id": patient_id})).scalars().all()
    return await stored(connection, sorted(set(ids)))


async def actors(connection: AsyncConnection, episode_id: str, actions: Collection[str]) -> dict[datetime, str]:
    """When → who did one of these acts on the episode, by the audit; without instants at which two people acted."""
    asked = {"subject": episode_id, "actions": sorted(actions)}
    return {row[0]: row[1] for row in (await connection.execute(_ACTORS, asked)).all()}
