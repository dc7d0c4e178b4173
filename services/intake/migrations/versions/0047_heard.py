"""The index of open visits goes by when they were heard of to about five hours: so a message of one changes no index,
as before 0038."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0047"
down_revision = "0040"
branch_labels = None
depends_on = None

_UP = """
DROP INDEX visits_open;
ALTER TABLE visits ADD COLUMN heard text GENERATED ALWAYS AS ("left"(last_message, 6)) STORED;
COMMENT ON COLUMN visits.heard IS 'beginning of last_message: the time to about five hours';
CREATE INDEX visits_open ON visits (open_as, heard) WHERE open_as IS NOT NULL;
"""
_DOWN = """
DROP INDEX visits_open;
ALTER TABLE visits DROP COLUMN heard;
CREATE INDEX visits_open ON visits (open_as, last_message) WHERE open_as IS NOT NULL;
"""


def upgrade() -> None:
    """The column, and the index by it."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """As it was."""
    run_statements(op.get_bind(), _DOWN)
