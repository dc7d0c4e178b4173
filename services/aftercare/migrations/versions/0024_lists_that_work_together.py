"""Who has an entry of a list, saved views, who uses the desk, and the ledger of exports (decision 0196)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_changes import tell, tell_no_more
from shared.storage.first_tables import create_desk, drop_desk

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TOLD = {
    "entry_marks": """SELECT e.kind, e.state, ARRAY[e.facility], NULL::text, NULL::text, e.patient_id
FROM {rows} AS m JOIN entries AS e ON e.kind = m.kind AND e.id = m.id
UNION ALL SELECT 'window', w.state, ARRAY[w.facility], NULL::text, NULL::text, w.patient_id
FROM {rows} AS m JOIN follow_ups AS w ON m.kind = 'follow-up' AND w.follow_up_id = m.id""",
}


def upgrade() -> None:
    """Make the tables and the trigger."""
    create_desk(op.get_bind())
    tell(op.get_bind(), _TOLD)


def downgrade() -> None:
    """As it was; who had what, and all saved views, are lost."""
    tell_no_more(op.get_bind(), _TOLD)
    drop_desk(op.get_bind())
