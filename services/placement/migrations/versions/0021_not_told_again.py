"""Of the ledger: which disclosures did not go out again after their topic was lost (contract 5.8, decision 0183)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TABLE = """\
CREATE TABLE not_told_again (
    disclosure_id text NOT NULL PRIMARY KEY,
    reason text NOT NULL,
    since timestamptz NOT NULL
);
COMMENT ON TABLE not_told_again IS
    'of the ledger: disclosures that their topic has lost, and that did not go out again';
COMMENT ON COLUMN not_told_again.reason IS 'why there was no basis for it then';
"""


def upgrade() -> None:
    """A table beside the ledger, whose rows nobody may change."""
    run_statements(op.get_bind(), _TABLE)


def downgrade() -> None:
    """As it was."""
    op.drop_table("not_told_again")
