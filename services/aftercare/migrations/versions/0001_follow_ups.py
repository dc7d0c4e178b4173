"""Plumbing; episodes as last told, aftercare's own facts, one row a follow-up window."""

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
    """Create everything aftercare has."""
    create_plumbing(op.get_bind())
    _create_episodes()
    _create_facts()
    _create_follow_ups()


def _create_episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("document", JSONB),
        sa.Column("next_deadline", sa.DateTime(timezone=True)),
        sa.Column("site_version", sa.Text, nullable=False, server_default=""),
        comment="the last document of each episode, our own last sequence in it, when its next window is over",
    )
    some = sa.text("next_deadline IS NOT NULL")
    op.create_index("episodes_next_deadline", "episodes", ["next_deadline"], postgresql_where=some)


def _create_facts() -> None:
    op.create_table(
        "facts",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("ce_id", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", JSONB, nullable=False),
        sa.Column("stands", sa.Boolean, nullable=False),
        comment="every fact that aftercare stated; a cancel and what is cancelled or replaced do not stand",
    )
    op.create_index("facts_standing", "facts", ["episode_id"], postgresql_where=sa.text("stands"))


def _create_follow_ups() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("follow_up_id", sa.Text, primary_key=True),
        sa.Column("episode_id", sa.Text, nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("facility", sa.Text, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("discharge", sa.Text, nullable=False),
        sa.Column("due_from", sa.Date, nullable=False),
        sa.Column("due_to", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True)),
        sa.Column("by_fact", sa.Text),
        sa.Column("reason", sa.Text),
        comment="one row a window that stands, for lists; derived from the facts that stand",
    )
    op.create_index("follow_ups_by_day", "follow_ups", ["due_to", "follow_up_id"])
    op.create_index("follow_ups_by_state", "follow_ups", ["state", "due_to", "follow_up_id"])
    op.create_index("follow_ups_episode", "follow_ups", ["episode_id"])


def downgrade() -> None:
    """Drop everything aftercare has."""
    for table in ("follow_ups", "facts", "episodes"):
        op.drop_table(table)
    drop_plumbing(op.get_bind())
