"""The gate knows of the end of a consent that it has not read yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Where it is kept."""
    comment = "consent → [what ended it, since when]"
    op.add_column("gate_episodes", sa.Column("over", JSONB, nullable=False, server_default="{}", comment=comment))


def downgrade() -> None:
    """As it was."""
    op.drop_column("gate_episodes", "over")
