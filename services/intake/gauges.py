"""Intake's figures for metrics: how many pairs of patients who may be one person wait for a decision, and how many
visit numbers that two patients have."""

from __future__ import annotations

from services.intake.people import matches
from services.intake.receiving import number_decisions
from shared import metrics
from shared.storage.database import Connection


async def tell(connection: Connection) -> None:
    """Set the gauges of matches and of visit numbers, the latter by the facilities that have or had any."""
    metrics.MATCHES_OPEN.set(await matches.number_open(connection))
    metrics.NUMBERS_SHARED.clear()
    for facility, number in (await number_decisions.number_open(connection)).items():
        metrics.NUMBERS_SHARED.labels(facility).set(number)
