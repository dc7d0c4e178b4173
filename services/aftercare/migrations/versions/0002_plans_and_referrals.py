"""What lists show of plans, referrals, contacts, appointments and risks; keys of requests that were answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.first_tables import create_keys, drop_keys

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    create_keys(op.get_bind())
    op.create_index("facts_decided", "facts", ["episode_id"], postgresql_where=sa.text("value ? 'decided_by'"))
    op.create_table(
        "entries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("episode_id", sa.Text, nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("facility", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sort_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", JSONB, nullable=False),
        comment="plans, referrals, contacts, appointments, risks as lists show them; folded from the facts that stand",
    )
    op.create_index("entries_by_time", "entries", ["kind", "sort_at", "id"])
    op.create_index("entries_by_state", "entries", ["kind", "state", "sort_at", "id"])
    op.create_index("entries_episode", "entries", ["episode_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("entries")
    op.drop_index("facts_decided", "facts")
    drop_keys(op.get_bind())
