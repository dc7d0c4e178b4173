"""What the desk works with: seats as claims over time, entries of lists, idempotency keys, marks on episodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE

from shared.storage.first_tables import create_keys, drop_keys

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DESK = """writer = 'placement' AND type IN (
'care.authorization-approved.v1', 'care.authorization-denied.v1', 'care.authorization-ended.v1',
'care.authorization-extended.v1', 'care.authorization-pended.v1', 'care.authorization-requested.v1',
'care.conflict-settled.v1', 'care.fact-cancelled.v1', 'care.offer-accepted.v1', 'care.offer-countered.v1',
'care.offer-declined.v1', 'care.offer-expired.v1', 'care.offer-reopened.v1', 'care.offer-sent.v1',
'care.offer-withdrawn.v1', 'care.patient-agreed.v1', 'care.patient-declined.v1', 'care.placed.v1',
'care.placement-cancelled.v1', 'care.search-closed.v1', 'care.search-opened.v1', 'care.seat-held.v1',
'care.seat-released.v1', 'care.start-missed.v1', 'care.started.v1', 'care.waitlist-left.v1', 'care.waitlisted.v1')"""

_SESSIONS = "writer = 'placement' AND type IN ('care.attended.v1', 'care.absent.v1')"


def upgrade() -> None:
    """Add the desk's tables and columns."""
    create_keys(op.get_bind())
    op.add_column(
        "episodes",
        sa.Column("desk", sa.Boolean, nullable=False, server_default="false", comment="it has facts of the desk"),
    )
    op.add_column(
        "episodes",
        sa.Column("listed", sa.LargeBinary, nullable=False, server_default="", comment="mark of its entries in lists"),
    )
    op.create_index("facts_of_the_desk", "facts", ["episode_id"], postgresql_where=sa.text(_DESK))
    op.create_index("facts_of_sessions", "facts", ["ce_id"], postgresql_where=sa.text(_SESSIONS))
    op.create_table(
        "programs",
        sa.Column("program", sa.Text, primary_key=True),
        comment="one row a program: whoever claims a seat locks it, after the episodes",
    )
    _seats()
    _entries()


def downgrade() -> None:
    """Take them away."""
    for table in ("entries", "seats", "programs"):
        op.drop_table(table)
    for index in ("facts_of_sessions", "facts_of_the_desk"):
        op.drop_index(index, "facts")
    op.drop_column("episodes", "listed")
    op.drop_column("episodes", "desk")
    drop_keys(op.get_bind())


def _seats() -> None:
    op.create_table(
        "seats",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column("seat_id", sa.Text, primary_key=True),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text),
        sa.Column("placement_id", sa.Text),
        sa.Column("during", TSTZRANGE, nullable=False, comment="[since, until); no end: until it is given back"),
        comment="claims on programs, as the seat facts leave them",
    )
    op.create_index("seats_of_program", "seats", ["program"])
    op.create_index("seats_by_id", "seats", ["seat_id"])


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("episode_id", sa.Text, primary_key=True),
        sa.Column(
            "kind", sa.Text, primary_key=True, comment="search, offer, placement, authorization, conflict, waiting"
        ),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("facility", sa.Text, nullable=False, comment="who may see it"),
        sa.Column("program", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it began"),
        sa.Column("due", sa.DateTime(timezone=True), comment="when somebody should have done something"),
        sa.Column("content", JSONB, nullable=False),
        comment="what the desk's lists show; derived from facts, written with the episode",
    )
    op.create_index("entries_of_kind", "entries", ["kind", "state", "at", "id"])
    op.create_index("entries_due", "entries", ["kind", "state", "due"], postgresql_where=sa.text("due IS NOT NULL"))
    op.create_index("entries_by_id", "entries", ["kind", "id"])
