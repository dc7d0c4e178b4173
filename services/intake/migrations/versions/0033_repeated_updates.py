"""A visit knows until when it has updates that only repeat the one before them: they are not read again, and an index
finds the other messages without them."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE visits ADD COLUMN quiet_until timestamptz;
COMMENT ON COLUMN visits.quiet_until IS
    'when its last message was said, where some of them repeat the one before (reason repeated)';
DROP INDEX messages_of_visit;
CREATE INDEX messages_of_visit ON messages (visit_id, (COALESCE(reason, '') = 'repeated'), message_id);
"""
_DOWN = """
DROP INDEX messages_of_visit;
CREATE INDEX messages_of_visit ON messages (visit_id, message_id);
ALTER TABLE visits DROP COLUMN quiet_until;
"""


def upgrade() -> None:
    """The column; a visit gets it with its next message."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Away with it."""
    run_statements(op.get_bind(), _DOWN)
