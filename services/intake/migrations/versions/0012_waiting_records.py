"""Records of hospital.adt about a patient with a long visit wait in a lane of their own."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = """\
CREATE TABLE waiting_records (
    number bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    keys bytea[] NOT NULL,
    arrived_at timestamptz NOT NULL,
    sealed bytea NOT NULL,
    outcome text,
    PRIMARY KEY (number)
);
COMMENT ON TABLE waiting_records IS
    'records of hospital.adt about a patient with a long visit, until they are worked off';
COMMENT ON COLUMN waiting_records.number IS 'their order';
COMMENT ON COLUMN waiting_records.keys IS 'keyed hashes of its key and of the ids told of the patient';
COMMENT ON COLUMN waiting_records.sealed IS 'key, value and headers; place: waiting:<record>';
COMMENT ON COLUMN waiting_records.outcome IS 'once it is worked off: then it is counted, and the row goes';
CREATE INDEX waiting_records_of ON waiting_records USING gin (keys);
"""


def upgrade() -> None:
    """Make the table; nothing waits yet."""
    run_statements(op.get_bind(), _TABLE)


def downgrade() -> None:
    """Take it away. What waits in it has moved its position already: let it be worked off before."""
    run_statements(op.get_bind(), "DROP TABLE waiting_records")
