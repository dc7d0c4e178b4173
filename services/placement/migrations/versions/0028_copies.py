"""Episodes that were merged are locked together, and facts that copy one of a merged episode name it (contract 3.6
rule 11)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table, and a column that is empty on every fact so far: nothing was merged before."""
    op.create_table(
        "merges",
        sa.Column("retired", sa.Text, primary_key=True),
        sa.Column("surviving", sa.Text, primary_key=True),
        comment="episodes of which one was ever merged into the other: both are locked together",
    )
    op.create_index("merges_surviving", "merges", ["surviving"])
    column = sa.Column("copy_of", sa.Text, comment="ce_id of the fact of a merged episode that this one copies")
    op.add_column("facts", column)
    few = sa.text("type = 'care.patients-merged.v1'")
    op.create_index("facts_of_merges", "facts", ["episode_id"], postgresql_where=few)


def downgrade() -> None:
    """As it was."""
    op.drop_index("facts_of_merges", "facts")
    op.drop_column("facts", "copy_of")
    op.drop_table("merges")
