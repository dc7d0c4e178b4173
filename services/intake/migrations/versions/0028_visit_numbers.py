"""Visit numbers that several patients of a facility have (decision 0206)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0033"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, and note of visits since when their numbers were said; of those from before nothing is noted
    until they are derived again."""
    said = "when its number was first said, where that counts for the facility"
    op.add_column("visits", sa.Column("said_at", _TIME, comment=said))
    held = sa.Column(
        "held", sa.Boolean, nullable=False, server_default=sa.false(), comment="its number is another patient's"
    )
    op.add_column("visits", held)
    op.create_table(
        "number_conflicts",
        sa.Column("conflict_id", sa.Text, primary_key=True, comment="tells no age"),
        sa.Column("facility", sa.Text, nullable=False),
        sa.Column("visit_key", sa.Text, nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False, comment="whose messages with it wait"),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("decision", sa.Text, comment="own: the visit is this patient's; holder: it is the other one's"),
        sa.Column("decided_at", _TIME),
        sa.UniqueConstraint("facility", "visit_key", "patient_id"),
        comment="visit numbers that another patient of the facility had before",
    )
    op.create_index("number_conflicts_listed", "number_conflicts", ["since", "conflict_id"])


def downgrade() -> None:
    """As it was; what people decided of such numbers is lost."""
    op.drop_table("number_conflicts")
    op.drop_column("visits", "held")
    op.drop_column("visits", "said_at")
