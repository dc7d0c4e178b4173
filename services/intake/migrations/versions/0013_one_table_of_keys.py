"""What requests with an Idempotency-Key were answered, where every service has it; those answered before stay so."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_keys, drop_keys, run_statements

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOVE = """\
INSERT INTO answered_requests (caller, key, request, at, status, body)
    SELECT '', encode(key, 'hex'), request, made_at, status, body FROM idempotency;
DROP TABLE idempotency;
"""
_BACK = """\
CREATE TABLE idempotency (
    key bytea NOT NULL,
    request bytea NOT NULL,
    status integer,
    body bytea,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (key)
);
COMMENT ON TABLE idempotency IS 'what requests with an Idempotency-Key were answered';
COMMENT ON COLUMN idempotency.key IS 'keyed hash of caller, door and Idempotency-Key';
COMMENT ON COLUMN idempotency.request IS 'keyed hash of the body';
COMMENT ON COLUMN idempotency.status IS 'of the first answer';
COMMENT ON COLUMN idempotency.body IS 'of the first answer: ids of ours';
CREATE INDEX idempotency_age ON idempotency (made_at);
INSERT INTO idempotency (key, request, status, body, made_at)
    SELECT decode(key, 'hex'), request, status, body, at FROM answered_requests;
"""


def upgrade() -> None:
    """Move the rows: the caller is in the keyed hash that is the key, so its own column is empty."""
    create_keys(op.get_bind())
    run_statements(op.get_bind(), _MOVE)


def downgrade() -> None:
    """As it was, with what was answered since."""
    run_statements(op.get_bind(), _BACK)
    drop_keys(op.get_bind())
