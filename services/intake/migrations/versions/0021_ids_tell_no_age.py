"""Ids of matches no longer sort by when they were seen first (decision 0189)."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say so of the column; ids that are stored stay."""
    op.execute("COMMENT ON COLUMN matches.match_id IS 'tells no age'")


def downgrade() -> None:
    """Say of it what was so."""
    op.execute("COMMENT ON COLUMN matches.match_id IS 'sorts by when it was seen first'")
