"""What facilities told of patients' deaths (contract 3.6 rule 13)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """\
CREATE TABLE deaths (
    patient_id text NOT NULL,
    facility text NOT NULL,
    told bytea NOT NULL,
    PRIMARY KEY (patient_id, facility)
);
COMMENT ON TABLE deaths IS 'what facilities told of a patient''s death, whether or not there is an episode';
COMMENT ON COLUMN deaths.told IS 'JSON: times, control ids, ids of ours (deaths/told.py)';
COMMENT ON COLUMN facts.visit_id IS 'none: told by a request, or of the patient';
"""


def upgrade() -> None:
    """Create the table of deaths."""
    run_statements(op.get_bind(), _TABLES)


def downgrade() -> None:
    """Take it away."""
    run_statements(op.get_bind(), "DROP TABLE deaths")
