"""Sessions of people who signed in with a browser (decision 0191)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_THERE = """\
CREATE TABLE sessions (
    id bytea NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL,
    facilities text[] NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    fresh_until timestamptz,
    sealed bytea,
    PRIMARY KEY (id)
);
CREATE INDEX ix_sessions_subject ON sessions (subject);
COMMENT ON TABLE sessions IS 'browsers in which somebody is signed in; rows that are over are deleted';
COMMENT ON COLUMN sessions.id IS 'SHA-256 of the cookie''s value';
COMMENT ON COLUMN sessions.name IS 'how pages call the person; may be empty';
COMMENT ON COLUMN sessions.facilities IS '`*`: all';
COMMENT ON COLUMN sessions.used_at IS 'at most a minute before it was used last';
COMMENT ON COLUMN sessions.until IS 'when it is over at the latest';
COMMENT ON COLUMN sessions.fresh_until IS 'when the issuer is asked again; none: never';
COMMENT ON COLUMN sessions.sealed IS 'the issuer''s tokens, JSON; place: session:<id>';
"""


def upgrade() -> None:
    """Room for them."""
    run_statements(op.get_bind(), _THERE)


def downgrade() -> None:
    """As it was; everybody is signed out."""
    run_statements(op.get_bind(), "DROP TABLE sessions")
