"""Receipts of handovers are facts of the desk: the index that finds those has them too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0039"
branch_labels = None
depends_on = None

_BEFORE = """'care.attended.v1', 'care.authorization-approved.v1', 'care.authorization-denied.v1',
'care.authorization-ended.v1', 'care.authorization-extended.v1', 'care.authorization-pended.v1',
'care.authorization-requested.v1', 'care.completed.v1', 'care.conflict-settled.v1', 'care.discontinued.v1',
'care.fact-cancelled.v1', 'care.offer-accepted.v1', 'care.offer-countered.v1', 'care.offer-declined.v1',
'care.offer-expired.v1', 'care.offer-reopened.v1', 'care.offer-sent.v1', 'care.offer-withdrawn.v1',
'care.patient-agreed.v1', 'care.patient-declined.v1', 'care.placed.v1', 'care.placement-cancelled.v1',
'care.plan-recorded.v1', 'care.review-done.v1', 'care.review-due.v1', 'care.search-closed.v1',
'care.search-opened.v1', 'care.seat-held.v1', 'care.seat-released.v1', 'care.start-missed.v1',
'care.started.v1', 'care.waitlist-left.v1', 'care.waitlisted.v1',
'care.discharge-plan-cancelled.v1', 'care.discharge-planned.v1', 'care.medication-recorded.v1',
'care.ready-for-step.v1'"""
_ADDED = """'care.handover-received.v1'"""


def upgrade() -> None:
    """Make the index anew."""
    _make(f"{_BEFORE}, {_ADDED}")


def downgrade() -> None:
    """As it was."""
    _make(_BEFORE)


def _make(types: str) -> None:
    op.drop_index("facts_of_the_desk", "facts")
    condition = sa.text(f"writer = 'placement' AND type IN ({types})")
    op.create_index("facts_of_the_desk", "facts", ["episode_id"], postgresql_where=condition)
