"""The episodes of a patient are found at once, for the patient's page."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index."""
    op.create_index("episodes_of_patient", "episodes", ["patient_id"])


def downgrade() -> None:
    """As it was."""
    op.drop_index("episodes_of_patient", "episodes")
