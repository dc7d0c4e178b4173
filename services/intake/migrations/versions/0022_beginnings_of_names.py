"""Persons are found by beginnings of their names: one row of the index for a patient and a facility.

Names are sealed, so the service makes the rows of persons who are stored already, in batches, while it runs
(people/finding/filling.py).
"""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_UP = """\
DROP TABLE identity_words;
CREATE TABLE identity_words (
    patient_id text NOT NULL,
    facility text NOT NULL,
    words bigint[] NOT NULL,
    PRIMARY KEY (patient_id, facility)
);
CREATE INDEX identity_words_by_word ON identity_words USING gin (words) WITH (fastupdate = off);
COMMENT ON TABLE identity_words IS
    'blind index: by which words of name, birth date, telephone and ids a patient is found';
COMMENT ON COLUMN identity_words.facility IS 'who told it';
COMMENT ON COLUMN identity_words.words IS
    'keyed hashes, 64 bits each, of normalised words and beginnings of names (people/finding)';
"""
_DOWN = """\
DROP TABLE identity_words;
CREATE TABLE identity_words (
    word bytea NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    PRIMARY KEY (word, patient_id, facility)
);
CREATE INDEX words_of_patient ON identity_words (patient_id);
COMMENT ON TABLE identity_words IS 'by which words of name, birth date, telephone and ids a patient is found';
COMMENT ON COLUMN identity_words.word IS 'keyed hash of a normalised word (people/finding.py)';
COMMENT ON COLUMN identity_words.facility IS 'who told it';
"""


def upgrade() -> None:
    """The index anew."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Back; nobody is found by a word until a message changes what is told of them."""
    run_statements(op.get_bind(), _DOWN)
