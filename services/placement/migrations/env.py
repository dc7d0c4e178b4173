"""Placement's tables, for the one alembic environment of all services."""

from __future__ import annotations

from services.placement.tables import METADATA
from shared.migrations import run

run(METADATA)
