"""All SQL that consents are only read with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

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
    rows = (await connection.execute(query)).mappings()
    return [
        {
            _NAMES.get(str(name), str(name)): value
            for name, value in row.items()
            if value is not None and name not in _HIDDEN
        }
        for row in rows
    ]
