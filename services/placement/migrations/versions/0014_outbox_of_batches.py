"""A row of the outbox is a record batch ready to be sent (decision 0180)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import outbox_of_batches, outbox_of_records

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Records that wait stay as they are: the relay sends them before all others."""
    outbox_of_batches(op.get_bind())


def downgrade() -> None:
    """As it was. It fails while batches wait in the outbox: let the relay send them first."""
    outbox_of_records(op.get_bind())
