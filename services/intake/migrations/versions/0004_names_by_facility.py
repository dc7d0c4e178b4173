"""Names, contacts and the words to find them by are kept by the facility that told them.

Which one told what the first version kept, the service finds out at its first start (people/first_version.py): until
then nobody is shown it.
"""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UP = """\
ALTER TABLE identities RENAME TO first_identities;
ALTER INDEX identities_pkey RENAME TO first_identities_pkey;
COMMENT ON TABLE first_identities IS
    'the first version''s; emptied at the first start after it (people/first_version.py)';
CREATE TABLE identities (
    patient_id text NOT NULL,
    facility text NOT NULL,
    sealed bytea NOT NULL,
    stated_at timestamptz NOT NULL,
    PRIMARY KEY (patient_id, facility)
);
COMMENT ON TABLE identities IS 'ids, names, birth date, contacts, field by field as last said by each facility';
COMMENT ON COLUMN identities.facility IS 'who told it; empty: one of the patient''s, not known which';
COMMENT ON COLUMN identities.sealed IS 'JSON; place: identity:<patient>:<facility>';
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
    """Put the first version's persons aside, make the new tables."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Back; what was told since is lost, and nobody is found by a word until it is told again."""
    run_statements(
        op.get_bind(),
        "DROP TABLE identities, identity_words;\n"
        "ALTER INDEX first_identities_pkey RENAME TO identities_pkey;\n"
        "ALTER TABLE first_identities RENAME TO identities;\n"
        "CREATE TABLE identity_words (word bytea NOT NULL, patient_id text NOT NULL, PRIMARY KEY (word, patient_id));\n"
        "CREATE INDEX words_of_patient ON identity_words (patient_id)",
    )
