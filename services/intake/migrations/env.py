"""Intake's tables, for the one alembic environment of all services."""

from __future__ import annotations

from services.intake.tables import INTAKE
from shared.migrations import run

run(INTAKE)
