"""Who is at a program in a database of the first version: read from its folds, so that no seat is promised before they
are folded anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPEN_STAYS = """
INSERT INTO program_stays (episode_id, kind, stay_id, nth, program, since)
SELECT e.episode_id, stay->>'kind', stay->>'id', 0, stay->'segments'->-1->>'program',
    (stay->'segments'->-1->>'since')::timestamptz
FROM episodes AS e, jsonb_array_elements(convert_from(e.fold, 'UTF8')::jsonb->'stays') AS stay
WHERE e.fold_version = 4 AND e.fold IS NOT NULL AND e.version > 0
    AND stay->'ended' = 'null' AND stay->'segments'->-1->>'program' IS NOT NULL
    AND stay->'segments'->-1->>'level' IS NOT NULL
    AND COALESCE(stay->'suspended'->-1->'until' <> 'null', true)
ON CONFLICT DO NOTHING
"""
"""Stays that are open now and not suspended; folding anew puts the whole of each in their place."""


def upgrade() -> None:
    """Fill the table."""
    op.execute(sa.text(OPEN_STAYS))


def downgrade() -> None:
    """What was filled goes with the table."""
