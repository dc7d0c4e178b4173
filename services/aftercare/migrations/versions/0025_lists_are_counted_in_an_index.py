"""Long lists are counted in an index alone: it has the facility, which decides who may see a row (decision 0200)."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_LISTS = {
    "entries": ("entries_by_state", ["kind", "state", "sort_at", "id"]),
    "follow_ups": ("follow_ups_by_state", ["state", "due_to", "follow_up_id"]),
}


def upgrade() -> None:
    """Make each anew, under its name."""
    for table, (name, columns) in _LISTS.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns, postgresql_include=["facility"])


def downgrade() -> None:
    """As it was."""
    for table, (name, columns) in _LISTS.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)
