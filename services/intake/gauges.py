"""Intake's figures for metrics: how many pairs of patients who may be one person wait for a decision."""

from __future__ import annotations

from services.intake.people import matches
from shared import metrics
from shared.storage.database import Connection


async def tell(connection: Connection) -> None:
    """Set the gauge of matches."""
    metrics.MATCHES_OPEN.set(await matches.number_open(connection))
