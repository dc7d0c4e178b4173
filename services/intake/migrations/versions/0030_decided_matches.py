"""A probable match is decided: who said so and when; what was decided before is in the audit. Records that changed are
compared with those that are like them (contract 6, Who)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_UP = """\
ALTER TABLE matches ADD COLUMN decided_by text;
ALTER TABLE matches ADD COLUMN decided_at timestamptz;
ALTER TABLE identity_words ADD COLUMN compared boolean DEFAULT false NOT NULL;
CREATE INDEX identity_words_to_compare ON identity_words (patient_id) WHERE NOT compared;
COMMENT ON COLUMN identity_words.compared IS 'with those who are like it';
COMMENT ON COLUMN matches.state IS 'open, same, different';
COMMENT ON COLUMN matches.decided_by IS 'who decided last; none: a hospital said so, or nobody yet';
"""
_DOWN = """\
ALTER TABLE identity_words DROP COLUMN compared;
COMMENT ON COLUMN matches.state IS NULL;
ALTER TABLE matches DROP COLUMN decided_at;
ALTER TABLE matches DROP COLUMN decided_by;
"""


def upgrade() -> None:
    """Make the columns."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """As it was; who decided is lost, but in the audit."""
    run_statements(op.get_bind(), _DOWN)
