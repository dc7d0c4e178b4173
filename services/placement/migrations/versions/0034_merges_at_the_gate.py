"""The gate remembers which merges of an episode stand, so that whoever was told of it is told of them too (contract
5.7)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that is empty on every episode so far."""
    column = sa.Column(
        "merges", JSONB, nullable=False, server_default="{}", comment="ce_id of one that stands → what it says"
    )
    op.add_column("gate_episodes", column)


def downgrade() -> None:
    """As it was."""
    op.drop_column("gate_episodes", "merges")
