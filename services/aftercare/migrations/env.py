"""Aftercare's tables, for the one alembic environment of all services."""

from __future__ import annotations

from services.aftercare.tables import METADATA
from shared.migrations import run

run(METADATA)
