"""The gate: consents, the ledger of disclosures, what is withheld."""

from __future__ import annotations

from alembic import op

from services.placement.disclosures import tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the gate's tables."""
    tables.create(op.get_bind())


def downgrade() -> None:
    """Take them away."""
    tables.drop(op.get_bind())
