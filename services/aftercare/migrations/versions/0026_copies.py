"""Facts that copy one of a merged episode name it (contract 3.6 rule 11)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column, empty on every fact so far: nothing was copied before."""
    column = sa.Column("copy_of", sa.Text, comment="ce_id of the fact of a merged episode that this one copies")
    op.add_column("facts", column)


def downgrade() -> None:
    """As it was."""
    op.drop_column("facts", "copy_of")
