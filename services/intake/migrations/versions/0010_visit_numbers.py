"""Visits are looked up by facility and number, whoever's they are."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index."""
    run_statements(op.get_bind(), "CREATE INDEX visits_numbered ON visits (facility, visit_key)")


def downgrade() -> None:
    """Away with it."""
    run_statements(op.get_bind(), "DROP INDEX visits_numbered")
