"""Each episode keeps by which site config it was told, so that a changed one mends what went out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of those that are there: all of them are told again, where something differs."""
    comment = "version of the site config it is told by"
    op.add_column("episodes", sa.Column("rules", sa.Text, nullable=False, server_default="", comment=comment))
    op.create_index("episodes_rules", "episodes", ["rules", "episode_id"])


def downgrade() -> None:
    """As it was."""
    op.drop_index("episodes_rules", "episodes")
    op.drop_column("episodes", "rules")
