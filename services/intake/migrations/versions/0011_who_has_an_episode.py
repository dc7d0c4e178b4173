"""Who has an episode besides those who told of its patient: the facilities of its programs, as care.episodes says."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMN = """\
ALTER TABLE told_episodes ADD COLUMN facilities text[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN told_episodes.facilities IS 'who has it: of its stays, searches, offers, seats and placements';
"""


def upgrade() -> None:
    """Add it; placement tells every episode anew when it first starts with this version."""
    run_statements(op.get_bind(), _COLUMN)


def downgrade() -> None:
    """As it was."""
    run_statements(op.get_bind(), "ALTER TABLE told_episodes DROP COLUMN facilities")
