"""What aftercare has of a patient is found at once, for the patient's page."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index of each table."""
    op.create_index("entries_of_patient", "entries", ["patient_id"])
    op.create_index("follow_ups_of_patient", "follow_ups", ["patient_id"])


def downgrade() -> None:
    """As it was."""
    op.drop_index("follow_ups_of_patient", "follow_ups")
    op.drop_index("entries_of_patient", "entries")
