"""A probable match is decided: who said so and when; what was decided before is in the audit (contract 6, Who)."""

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
COMMENT ON COLUMN matches.decided_by IS 'who decided last; none: a hospital said so, or nobody yet';
"""
_DOWN = """\
ALTER TABLE matches DROP COLUMN decided_at;
ALTER TABLE matches DROP COLUMN decided_by;
"""


def upgrade() -> None:
    """Make the columns."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """As it was; who decided is lost, but in the audit."""
    run_statements(op.get_bind(), _DOWN)
