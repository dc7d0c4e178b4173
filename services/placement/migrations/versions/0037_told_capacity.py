"""What programs tell of their seats: which are out of use, and when they expect some to come free (contract 3.7)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No program has told anything yet."""
    op.add_column(
        "programs", sa.Column("told_at", sa.DateTime(timezone=True), comment="when it last told of its seats")
    )
    op.add_column("programs", sa.Column("told_by", sa.Text, comment="who told it"))
    expected = sa.Column("expected_free", JSONB, nullable=False, server_default="[]", comment="seats by day, as told")
    op.add_column("programs", expected)
    op.create_table(
        "seats_out",
        sa.Column("program", sa.Text, primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True, comment="place in what was told"),
        sa.Column("seats", sa.Integer, nullable=False, comment="how many; of a closure all that a program can have"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), comment="absent: until it tells otherwise"),
        sa.Column("reason", sa.Text, nullable=False),
        comment="seats of programs that are out of use for a time, as the programs told last",
    )


def downgrade() -> None:
    """As it was."""
    op.drop_table("seats_out")
    for name in ("expected_free", "told_by", "told_at"):
        op.drop_column("programs", name)
