"""Saved views, who uses the desk, and the ledger of exports, as the other desks have them (decision 0196)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_desk, drop_desk

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    create_desk(op.get_bind())


def downgrade() -> None:
    """As it was; all saved views are lost."""
    drop_desk(op.get_bind())
