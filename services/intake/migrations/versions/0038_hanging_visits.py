"""What an open visit is, and which message told of it last: by these, visits are found that hang."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE visits ADD COLUMN open_as text;
ALTER TABLE visits ADD COLUMN last_message text;
COMMENT ON COLUMN visits.open_as IS 'while it is open: its level, or its class without one';
COMMENT ON COLUMN visits.last_message IS 'id of its message that arrived last';
UPDATE visits AS v SET last_message = m.last FROM
    (SELECT visit_id, max(message_id) AS last FROM messages WHERE visit_id IS NOT NULL GROUP BY visit_id) AS m
    WHERE m.visit_id = v.visit_id;
CREATE INDEX visits_open ON visits (open_as, last_message) WHERE open_as IS NOT NULL;
"""
_DOWN = """
DROP INDEX visits_open;
ALTER TABLE visits DROP COLUMN last_message;
ALTER TABLE visits DROP COLUMN open_as;
"""


def upgrade() -> None:
    """The columns and the index; what a visit is open as is known once it is derived again, which follows."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Away with all."""
    run_statements(op.get_bind(), _DOWN)
