"""The texts of messages may go while their rows stay; refused ones are kept for a time; facilities that left are
remembered (decision 0185)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_retired, drop_retired, run_statements

revision = "0020"
down_revision = "0015"
branch_labels = None
depends_on = None

_THERE = """\
ALTER TABLE messages ALTER COLUMN sealed DROP NOT NULL;
COMMENT ON COLUMN messages.sealed IS 'the raw message while it is kept; place: its message_id';
CREATE TABLE refused_messages (
    ids bytea NOT NULL,
    body bytea NOT NULL,
    message_id text NOT NULL,
    door text NOT NULL,
    arrived_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL,
    facility text NOT NULL,
    trigger text NOT NULL,
    control_id text NOT NULL,
    reason text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (ids, body),
    UNIQUE (message_id)
);
COMMENT ON TABLE refused_messages IS 'messages answered AR, for a limited time';
COMMENT ON COLUMN refused_messages.ids IS 'as in messages';
COMMENT ON COLUMN refused_messages.body IS 'as in messages';
COMMENT ON COLUMN refused_messages.message_id IS 'sorts by when it came first';
COMMENT ON COLUMN refused_messages.last_at IS 'when it came last';
COMMENT ON COLUMN refused_messages.times IS 'how often it came';
COMMENT ON COLUMN refused_messages.reason IS 'code of the error and where';
COMMENT ON COLUMN refused_messages.sealed IS 'the raw message; place: its message_id';
"""
_BACK = """\
DROP TABLE refused_messages;
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
