"""Dead letters are sealed, and their content is kept for a limited time."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import seal_dead_letters, unseal_dead_letters

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Room for it."""
    seal_dead_letters(op.get_bind())


def downgrade() -> None:
    """As it was."""
    unseal_dead_letters(op.get_bind())
