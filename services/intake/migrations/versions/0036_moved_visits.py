"""A visit that was moved to another patient knows the record number by which the move told whose it is."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0036"
down_revision = "0030"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE visits ADD COLUMN record_number text[];
COMMENT ON COLUMN visits.record_number IS
    'record number of the patient and its authority, where a move told by them whose the visit is';
"""
_DOWN = "ALTER TABLE visits DROP COLUMN record_number;"


def upgrade() -> None:
    """The column; a visit gets it when it is brought in line."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Away with it."""
    run_statements(op.get_bind(), _DOWN)
