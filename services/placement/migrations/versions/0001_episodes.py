"""Episodes, their facts and their service periods; the plumbing that every service has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.first_tables import create_plumbing, drop_plumbing

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    create_plumbing(op.get_bind())
    _episodes()
    _facts()
    _periods()


def downgrade() -> None:
    """Take everything away."""
    for table in ("periods", "facts", "episodes"):
        op.drop_table(table)
    drop_plumbing(op.get_bind())


def _episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("patient_id", sa.Text, nullable=False, server_default=""),
        sa.Column("facility", sa.Text, nullable=False, server_default="", comment="of the latest fact: who may see it"),
        sa.Column("state", sa.Text, nullable=False, server_default="void"),
        sa.Column("level", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("ineffective", sa.Integer, nullable=False, server_default="0"),
        sa.Column("conflicts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seen", JSONB, nullable=False, server_default="{}", comment="last sequence of each writer"),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="0", comment="of care.episodes"),
        sa.Column("fold", sa.LargeBinary, comment="what the facts come to: the fold goes on from here"),
        sa.Column("fold_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("announced", sa.LargeBinary, nullable=False, server_default="[]", comment="what stands announced"),
        comment="one row an episode: its state, and where each writer's facts stand",
    )
    op.create_index("episodes_listed", "episodes", ["facility", "state", "level", "episode_id"])
    op.create_index("episodes_fold_version", "episodes", ["fold_version", "episode_id"])


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ce_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("time", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text),
        sa.Column("causation_id", sa.Text),
        sa.Column("value", sa.LargeBinary, nullable=False),
        comment="every fact that was applied, our own too; append-only",
    )


def _periods() -> None:
    op.create_table(
        "periods",
        sa.Column("period_id", sa.Text, primary_key=True),
        sa.Column("episode_id", sa.Text, nullable=False),
        sa.Column("stay_kind", sa.Text, nullable=False),
        sa.Column("stay_id", sa.Text, nullable=False),
        sa.Column("root", sa.Text, nullable=False, comment="the first fact that began the stretch"),
        sa.Column("life", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("voided", sa.Boolean, nullable=False),
        sa.Column("supersedes", sa.Text),
        sa.Column("content", sa.LargeBinary, nullable=False),
        comment="the latest version of each service period that was sent",
    )
    op.create_index("periods_of_episode", "periods", ["episode_id"])
