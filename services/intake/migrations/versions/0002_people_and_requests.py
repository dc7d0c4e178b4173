"""Persons field by field and the words to find them by; referrals, assessments, idempotency keys."""

from __future__ import annotations

from alembic import op

from services.intake import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the first revision's databases lack; one made anew has it already."""
    tables.add(op.get_bind())


def downgrade() -> None:
    """Nothing: what is more does no harm to the program before."""
