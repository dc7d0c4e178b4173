"""Messages, patients, visits, episodes and facts."""

from __future__ import annotations

from alembic import op

from services.intake import tables
from shared.tables import create_plumbing, drop_plumbing

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The plumbing tables and intake's own."""
    create_plumbing(op.get_bind())
    tables.create(op.get_bind())


def downgrade() -> None:
    """Back to an empty database."""
    tables.drop(op.get_bind())
    drop_plumbing(op.get_bind())
