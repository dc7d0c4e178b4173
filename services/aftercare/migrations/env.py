"""The one alembic environment of all services. Its tables are not asked: migrations are frozen (decision 0131)."""

from __future__ import annotations

from shared.storage.migrations import run

run()
