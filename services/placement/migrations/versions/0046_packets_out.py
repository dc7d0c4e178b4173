"""What programs of another legal entity read of offers has a ledger (contract 3.7.6, 5.7)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TEXTS = sa.ARRAY(sa.Text)


def upgrade() -> None:
    """No packet has left yet."""
    op.create_table(
        "packets_out",
        sa.Column("disclosure_id", sa.Text, primary_key=True),
        sa.Column("offer_id", sa.Text, nullable=False),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False, comment="blind or whole"),
        sa.Column("read_by", sa.Text, nullable=False, comment="subject of who read it"),
        sa.Column("recipient", sa.Text, nullable=False, comment="the legal entity of the program"),
        sa.Column("episode_id", sa.Text, nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("facility", sa.Text, nullable=False, comment="the facility that discloses"),
        sa.Column("labels", _TEXTS, nullable=False),
        sa.Column("fields", _TEXTS, nullable=False, comment="the parts that were shown"),
        sa.Column("notice", sa.Boolean, nullable=False, comment="with the notice of 42 CFR 2.32"),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("basis_id", sa.Text, nullable=False),
        sa.Column("basis_fact", sa.Text, comment="the consent-recorded"),
        sa.Column("basis_scope", _TEXTS, nullable=False),
        sa.Column("basis_from", sa.Date, nullable=False),
        sa.Column("basis_to", sa.Date),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("disclosed_at", _TIME, nullable=False),
        sa.Column("config", sa.Text, nullable=False, comment="version of the site config"),
        comment="the ledger of packets that programs of another legal entity read; append-only",
    )
    op.create_index("packets_out_by_time", "packets_out", ["disclosed_at", "disclosure_id"])
    op.create_index("packets_out_of_episode", "packets_out", ["episode_id", "disclosed_at"])
    op.create_index("packets_out_of_patient", "packets_out", ["patient_id", "disclosed_at"])


def downgrade() -> None:
    """As it was; what was read is forgotten."""
    op.drop_table("packets_out")
