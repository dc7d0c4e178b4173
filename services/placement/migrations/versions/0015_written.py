"""How far the relay has written to each partition (decision 0182)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_written, drop_written

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is counted yet: the next start begins, and takes what is on Kafka for what belongs there."""
    create_written(op.get_bind())


def downgrade() -> None:
    """As it was."""
    drop_written(op.get_bind())
