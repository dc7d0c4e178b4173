"""A referral that came to nothing says whether somebody else is still to be asked (decision 0244): the list of those
reads an index of them alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0026"
branch_labels = None
depends_on = None

SAY = """
UPDATE entries AS e SET value = e.value || '{"unreplaced": true}'
WHERE e.kind = 'referral' AND e.state IN ('declined', 'cancelled')
AND EXISTS (SELECT 1 FROM entries AS p WHERE p.id = e.value ->> 'plan_id' AND p.kind = 'plan' AND p.state = 'active')
AND NOT EXISTS (SELECT 1 FROM entries AS o WHERE o.episode_id = e.episode_id AND o.value ->> 'instead_of' = e.id)
"""
"""As the list found them until now."""


def upgrade() -> None:
    """Say it of those that are so, and make the index."""
    op.execute(SAY)
    op.create_index(
        "entries_unreplaced",
        "entries",
        ["state", "sort_at", "id"],
        postgresql_include=["facility"],
        postgresql_where=sa.text("value ? 'unreplaced'"),
    )


def downgrade() -> None:
    """As it was."""
    op.drop_index("entries_unreplaced", "entries")
    op.execute("UPDATE entries SET value = value - 'unreplaced' WHERE value ? 'unreplaced'")
