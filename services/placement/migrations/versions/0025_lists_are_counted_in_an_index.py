"""Long lists are counted in an index alone: it has what decides who may see an entry (decision 0200)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BY = ["kind", "state", "at", "id"]
_GOES_ON = "CAST(content ->> 'goes_on' AS boolean)"
"""Authorizations whose stay goes on after the last unit: few of very many."""


def upgrade() -> None:
    """Make the indexes; the first anew, under its name."""
    op.drop_index("entries_of_kind", "entries")
    op.create_index("entries_of_kind", "entries", _BY, postgresql_include=["facility", "besides", "asked_by"])
    op.create_index("entries_going_on", "entries", ["kind"], postgresql_where=sa.text(_GOES_ON))
    op.create_index("withheld_of_facility", "withheld", ["facility"])


def downgrade() -> None:
    """As it was."""
    op.drop_index("withheld_of_facility", "withheld")
    op.drop_index("entries_going_on", "entries")
    op.drop_index("entries_of_kind", "entries")
    op.create_index("entries_of_kind", "entries", _BY)
