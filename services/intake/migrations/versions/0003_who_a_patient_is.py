"""Numbers without their type, by facility; probable matches; what shows that the key of the index is another one.

What stands in the first version's table can't be hashed anew here, for the keys are the service's: it does that at its
first start (people/first_version.py).
"""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UP = """\
ALTER TABLE patients ADD COLUMN joined text[];
COMMENT ON COLUMN patients.joined IS 'why the first version may have made two people one';
CREATE INDEX patients_joined ON patients (patient_id) WHERE joined IS NOT NULL;
ALTER TABLE patient_identifiers RENAME TO first_identifiers;
ALTER INDEX patient_identifiers_pkey RENAME TO first_identifiers_pkey;
ALTER INDEX ix_patient_identifiers_patient_id RENAME TO ix_first_identifiers_patient_id;
COMMENT ON TABLE first_identifiers IS
    'the first version''s; emptied at the first start after it (people/first_version.py)';
CREATE TABLE patient_identifiers (
    key bytea NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    authorities bytea[] NOT NULL,
    types text[] NOT NULL,
    leads text NOT NULL,
    first boolean NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (key, patient_id, facility)
);
CREATE INDEX ix_patient_identifiers_patient_id ON patient_identifiers (patient_id);
CREATE UNIQUE INDEX identifiers_leading ON patient_identifiers (key) WHERE leads = 'everywhere';
CREATE INDEX identifiers_here ON patient_identifiers (key) WHERE leads = 'here';
COMMENT ON TABLE patient_identifiers IS 'every lasting number told of patients (PID-3), and whom it leads to';
COMMENT ON COLUMN patient_identifiers.key IS 'keyed hash of authority and value (identity.py)';
COMMENT ON COLUMN patient_identifiers.facility IS 'who told it';
COMMENT ON COLUMN patient_identifiers.authorities IS 'keyed hashes of the authority''s names';
COMMENT ON COLUMN patient_identifiers.types IS 'CX.5 as told';
COMMENT ON COLUMN patient_identifiers.leads IS 'to the patient: everywhere, here (at the facility), or not';
COMMENT ON COLUMN patient_identifiers.first IS 'told as the first key of a message';
COMMENT ON COLUMN patient_identifiers.sealed IS 'as told, JSON; place: identifier:<patient>';
CREATE TABLE authority_pairs (
    number bigint GENERATED ALWAYS AS IDENTITY,
    space bytea NOT NULL,
    universal bytea NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (space),
    UNIQUE (universal)
);
COMMENT ON TABLE authority_pairs IS 'two names of one authority, as a message told them together';
COMMENT ON COLUMN authority_pairs.space IS 'keyed hash of a name (CX.4.1)';
COMMENT ON COLUMN authority_pairs.universal IS 'keyed hash of a name (CX.4.2)';
CREATE TABLE matches (
    match_id text NOT NULL,
    one text NOT NULL,
    other text NOT NULL,
    state text DEFAULT 'open' NOT NULL,
    PRIMARY KEY (match_id),
    UNIQUE (one, other)
);
CREATE INDEX ix_matches_other ON matches (other);
COMMENT ON TABLE matches IS 'two patients who may be one person';
COMMENT ON COLUMN matches.match_id IS 'sorts by when it was seen first';
CREATE TABLE match_evidence (
    match_id text NOT NULL,
    of_one text NOT NULL,
    of_other text NOT NULL,
    reasons text[] NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (match_id, of_one, of_other)
);
COMMENT ON TABLE match_evidence IS 'what speaks for it, by who told it: shown only to who holds both';
COMMENT ON COLUMN match_evidence.of_one IS 'the facility that told it of the one';
COMMENT ON COLUMN match_evidence.of_other IS 'the facility that told it of the other';
COMMENT ON COLUMN match_evidence.reasons IS 'which kinds of number they share';
CREATE TABLE index_check (
    value bytea NOT NULL,
    PRIMARY KEY (value)
);
COMMENT ON TABLE index_check IS
    'a text of ours hashed with the key that everything is looked up by: shows that the key is another';
"""


def upgrade() -> None:
    """Put the first version's numbers aside, make the new tables."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Back; what was told since is lost."""
    run_statements(
        op.get_bind(),
        "DROP TABLE index_check, match_evidence, matches, authority_pairs, patient_identifiers;\n"
        "ALTER INDEX first_identifiers_pkey RENAME TO patient_identifiers_pkey;\n"
        "ALTER INDEX ix_first_identifiers_patient_id RENAME TO ix_patient_identifiers_patient_id;\n"
        "ALTER TABLE first_identifiers RENAME TO patient_identifiers;\n"
        "ALTER TABLE patients DROP COLUMN joined",
    )
