"""Who has an episode, whose an entry of a list is besides, and which desk asked for it (contract promise 9)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = """\
ALTER TABLE episodes ADD COLUMN facilities text[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN episodes.facility IS 'of the latest fact';
COMMENT ON COLUMN episodes.facilities IS 'who has it: those of its facts';
ALTER TABLE entries ADD COLUMN besides text[] DEFAULT '{}' NOT NULL;
ALTER TABLE entries ADD COLUMN asked_by text;
COMMENT ON COLUMN entries.besides IS 'whose have to be seen too';
COMMENT ON COLUMN entries.asked_by IS 'facility whose search asked, which may see it too';
ALTER TABLE seats ADD COLUMN asked_by text;
COMMENT ON COLUMN seats.asked_by IS 'facility whose desk asked for it, which may see it too';
UPDATE episodes AS e SET facilities = f.facilities FROM (
    SELECT episode_id, array_agg(DISTINCT facility ORDER BY facility) AS facilities FROM (
        SELECT episode_id, convert_from(value, 'UTF8')::jsonb ->> 'facility' AS facility FROM facts
        WHERE type NOT LIKE 'care.consent-%' AND type NOT LIKE 'care.patients-%'
    ) AS told WHERE facility IS NOT NULL GROUP BY episode_id
) AS f WHERE f.episode_id = e.episode_id;
CREATE INDEX episodes_shared ON episodes USING gin (facilities) WHERE cardinality(facilities) > 1;
"""

_BACK = """\
DROP INDEX episodes_shared;
ALTER TABLE episodes DROP COLUMN facilities;
ALTER TABLE entries DROP COLUMN besides, DROP COLUMN asked_by;
ALTER TABLE seats DROP COLUMN asked_by;
"""


def upgrade() -> None:
    """Add them; lists are told anew by the fold that the service makes when it starts."""
    run_statements(op.get_bind(), _COLUMNS)


def downgrade() -> None:
    """As it was."""
    run_statements(op.get_bind(), _BACK)
