"""Consents of patients, and the episodes for which they were stated."""

from __future__ import annotations

from alembic import op

from services.intake.consents import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of consents."""
    tables.create(op.get_bind())


def downgrade() -> None:
    """Take them away."""
    tables.drop(op.get_bind())
