"""Facilities that left are remembered (decision 0185)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_retired, drop_retired

revision = "0020"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Room for it."""
    create_retired(op.get_bind())


def downgrade() -> None:
    """As it was: which facilities left is forgotten."""
    drop_retired(op.get_bind())
