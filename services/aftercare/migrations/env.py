"""The alembic environment that all services share; migrations never read today's tables.py (decision 0131)."""

from __future__ import annotations

from shared.storage.migrations import run

run()
