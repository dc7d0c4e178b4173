"""Lists and follow-up windows tell that they changed, so that open pages show it (contract 6, decision 0195)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_changes import tell, tell_no_more

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

_TOLD = {
    "entries": "SELECT e.kind, e.state, ARRAY[e.facility], NULL::text, NULL::text, e.patient_id FROM {rows} AS e",
    "follow_ups": "SELECT 'window', w.state, ARRAY[w.facility], NULL::text, NULL::text, w.patient_id FROM {rows} AS w",
}


def upgrade() -> None:
    """Make the triggers."""
    tell(op.get_bind(), _TOLD)


def downgrade() -> None:
    """As it was."""
    tell_no_more(op.get_bind(), _TOLD)
