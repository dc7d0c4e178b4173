"""The gate knows of the end of a consent that it has not read yet; dead letters are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.first_tables import seal_dead_letters, unseal_dead_letters

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Where it is kept."""
    comment = "consent → [what ended it, since when]"
    op.add_column("gate_episodes", sa.Column("over", JSONB, nullable=False, server_default="{}", comment=comment))
    seal_dead_letters(op.get_bind())


def downgrade() -> None:
    """As it was."""
    unseal_dead_letters(op.get_bind())
    op.drop_column("gate_episodes", "over")
