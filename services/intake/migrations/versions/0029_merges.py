"""What is said of two patients (merges, links, moves) is kept, with who is merged into whom; copies of facts name their
originals (contract 3.6 rule 11, decision 0207)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_UP = """\
ALTER TABLE patients ADD COLUMN kin text[];
COMMENT ON COLUMN patients.kin IS 'whom merges, links, moves bring together with this one; itself too';
ALTER TABLE facts ADD COLUMN copy_of text;
COMMENT ON COLUMN facts.copy_of IS 'ce_id of the fact of a retired episode that it copies';
CREATE TABLE record_statements (
    statement_id text NOT NULL PRIMARY KEY,
    facility text NOT NULL,
    patient_id text NOT NULL,
    other_id text NOT NULL,
    told bytea NOT NULL
);
CREATE INDEX ix_record_statements_patient_id ON record_statements (patient_id);
CREATE INDEX ix_record_statements_other_id ON record_statements (other_id);
COMMENT ON TABLE record_statements IS
    'what was said of two patients: merges, links, moves, and what takes them back';
COMMENT ON COLUMN record_statements.statement_id IS 'of a message: its id and which of its statements';
COMMENT ON COLUMN record_statements.facility IS 'who said it';
COMMENT ON COLUMN record_statements.patient_id IS 'to whom the other one goes';
COMMENT ON COLUMN record_statements.told IS 'JSON: kind, times, numbers, ids (people/merging.py)';
CREATE TABLE retirements (
    patient_id text NOT NULL,
    facility text NOT NULL,
    into_id text NOT NULL,
    PRIMARY KEY (patient_id, facility)
);
CREATE INDEX ix_retirements_into_id ON retirements (into_id);
COMMENT ON TABLE retirements IS 'which patients are merged into which now, by the statements; derived';
COMMENT ON COLUMN retirements.facility IS 'whose merge it is';
COMMENT ON COLUMN retirements.into_id IS 'the patient who stays';
"""
_DOWN = """\
DROP TABLE retirements;
DROP TABLE record_statements;
ALTER TABLE facts DROP COLUMN copy_of;
ALTER TABLE patients DROP COLUMN kin;
"""


def upgrade() -> None:
    """Make the tables."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """As it was; what was said of two patients is lost."""
    run_statements(op.get_bind(), _DOWN)
