"""All SQL that consents are only read with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from services.intake.consents.tables import consent_episodes
from services.intake.consents.tables import consents as table
from shared.db import Connection

_NAMES = {"begins": "from", "ends": "to"}
_HIDDEN = {"over_at"}


async def consents(
    connection: Connection, patient_id: str, *, facilities: frozenset[str] | None
) -> list[dict[str, Any]]:
    """Every consent of a patient that was given at one of these facilities (None: any), the earliest first."""
    query = sa.select(table).where(table.c.patient_id == patient_id).order_by(table.c.consent_id)
    if facilities is not None:
        query = query.where(table.c.facility.in_(sorted(facilities)))
    return [_shown(row) for row in (await connection.execute(query)).mappings()]


async def consent(connection: Connection, consent_id: str, *, facilities: frozenset[str] | None) -> dict[str, Any]:
    """One consent given at one of these facilities (None: any), and the episodes it was stated for; {}: none."""
    query = sa.select(table).where(table.c.consent_id == consent_id)
    if facilities is not None:
        query = query.where(table.c.facility.in_(sorted(facilities)))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return {}
    stated = sa.select(consent_episodes.c.episode_id).where(consent_episodes.c.consent_id == consent_id)
    episodes = (await connection.execute(stated.order_by(consent_episodes.c.episode_id))).scalars().all()
    return {**_shown(row), "episodes": list(episodes)}


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    told = {_NAMES.get(str(name), str(name)): value for name, value in row.items() if name not in _HIDDEN}
    return {name: value for name, value in told.items() if value is not None}
