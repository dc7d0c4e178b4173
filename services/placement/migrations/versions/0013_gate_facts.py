"""The gate knows which fact it heard under each number, so that another one under it is refused (decision 0171)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = """\
CREATE TABLE gate_facts (
    episode_id text NOT NULL,
    writer text NOT NULL,
    sequence bigint NOT NULL,
    ce_id text NOT NULL,
    PRIMARY KEY (episode_id, writer, sequence)
);
COMMENT ON TABLE gate_facts IS 'which fact the gate heard under each number: another one under it is no repeat';
"""

FILLED = """\
INSERT INTO gate_facts SELECT f.episode_id, f.writer, f.sequence, f.ce_id FROM facts AS f
JOIN gate_episodes AS g ON g.episode_id = f.episode_id AND f.sequence <= (g.seen ->> f.writer)::bigint;
"""


def upgrade() -> None:
    """Of what it heard before, the engine has kept the facts."""
    run_statements(op.get_bind(), _TABLE)
    run_statements(op.get_bind(), FILLED)


def downgrade() -> None:
    """As it was."""
    op.drop_table("gate_facts")
