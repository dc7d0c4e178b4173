"""What is late of a list is counted in the index of its entries too, which has when each is due (decision 0227)."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_BY = ["kind", "state", "at", "id"]
_SCOPE = ["facility", "besides", "asked_by"]


def upgrade() -> None:
    """Make the index anew, under its name."""
    op.drop_index("entries_of_kind", "entries")
    op.create_index("entries_of_kind", "entries", _BY, postgresql_include=["due", *_SCOPE])


def downgrade() -> None:
    """As it was."""
    op.drop_index("entries_of_kind", "entries")
    op.create_index("entries_of_kind", "entries", _BY, postgresql_include=_SCOPE)
