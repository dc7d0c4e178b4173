"""Who is at a program by whichever door: stays there, filled by folding anew (contract 3.6 rule 14)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and let what is over lie outside of what the index of seats is asked for."""
    op.create_table(
        "program_stays",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("stay_id", sa.Text, primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True, comment="of the stay's stretches at programs"),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), comment="absent: it goes on"),
        sa.Column("expected", sa.DateTime(timezone=True), comment="when its end is expected"),
        comment="stays at programs by whichever door, without the time that they were suspended: who is there",
    )
    op.create_index("stays_of_program", "program_stays", ["program", sa.text(_AS_LONG.format("until"))])
    op.drop_index("seats_of_program", "seats")
    op.create_index("seats_of_program", "seats", ["program", sa.text(_AS_LONG.format("upper(during)"))])


def downgrade() -> None:
    """As it was."""
    op.drop_index("seats_of_program", "seats")
    op.create_index("seats_of_program", "seats", ["program"])
    op.drop_table("program_stays")


_AS_LONG = "COALESCE({}, 'infinity'::timestamptz)"
