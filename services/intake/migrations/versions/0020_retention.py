"""The texts of messages may go while their rows stay; facilities that left are remembered (decision 0185)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_retired, drop_retired, run_statements

revision = "0020"
down_revision = "0014"
branch_labels = None
depends_on = None

_THERE = """\
ALTER TABLE messages ALTER COLUMN sealed DROP NOT NULL;
COMMENT ON COLUMN messages.sealed IS 'the raw message while it is kept; place: its message_id';
"""
_BACK = """\
UPDATE messages SET sealed = '' WHERE sealed IS NULL;
ALTER TABLE messages ALTER COLUMN sealed SET NOT NULL;
COMMENT ON COLUMN messages.sealed IS 'the raw message; place: its message_id';
"""


def upgrade() -> None:
    """Room for it."""
    run_statements(op.get_bind(), _THERE)
    create_retired(op.get_bind())


def downgrade() -> None:
    """As it was; a text that went does not come back, and which facilities left is forgotten."""
    drop_retired(op.get_bind())
    run_statements(op.get_bind(), _BACK)
