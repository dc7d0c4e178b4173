"""Codes that are in no table of the site are kept with their visit, so that they can be listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None is known yet: the next start derives every visit again, since the site config has a new version."""
    comment = "codes of its messages that are in no table of the site: kind, field, code"
    op.add_column(
        "visits", sa.Column("unmapped", sa.ARRAY(sa.Text), nullable=False, server_default="{}", comment=comment)
    )
    op.create_index("visits_with_unmapped_codes", "visits", ["facility"], postgresql_where=sa.text("unmapped <> '{}'"))


def downgrade() -> None:
    """As it was."""
    op.drop_index("visits_with_unmapped_codes", "visits")
    op.drop_column("visits", "unmapped")
