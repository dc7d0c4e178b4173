"""Messages, patients, visits, episodes and facts: frozen as they were first made, whatever tables.py says today."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import create_plumbing, drop_plumbing, run_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FIRST = """\
CREATE TABLE patients (
    patient_id text NOT NULL,
    made_at timestamptz DEFAULT now() NOT NULL,
    unsure boolean DEFAULT false NOT NULL,
    PRIMARY KEY (patient_id)
);
COMMENT ON TABLE patients IS 'whom hospitals told of; the row that everything else of a patient is locked by';
COMMENT ON COLUMN patients.unsure IS 'a message named no visit';
CREATE TABLE patient_identifiers (
    key bytea NOT NULL,
    patient_id text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (key)
);
CREATE INDEX ix_patient_identifiers_patient_id ON patient_identifiers (patient_id);
COMMENT ON TABLE patient_identifiers IS 'by which ids a patient is known (PID-3)';
COMMENT ON COLUMN patient_identifiers.key IS 'keyed hash of authority, id and type';
COMMENT ON COLUMN patient_identifiers.sealed IS 'authority, id and type; place: identifier:<patient>';
CREATE TABLE identities (
    patient_id text NOT NULL,
    sealed bytea NOT NULL,
    stated_at timestamptz NOT NULL,
    PRIMARY KEY (patient_id)
);
COMMENT ON TABLE identities IS 'ids, names, birth date, contacts, field by field as last said';
COMMENT ON COLUMN identities.sealed IS 'JSON; place: identity:<patient>';
CREATE TABLE identity_words (
    word bytea NOT NULL,
    patient_id text NOT NULL,
    PRIMARY KEY (word, patient_id)
);
COMMENT ON TABLE identity_words IS 'by which words of name, birth date, telephone and ids a patient is found';
COMMENT ON COLUMN identity_words.word IS 'keyed hash of a normalised word (people/finding.py)';
CREATE TABLE patient_facilities (
    patient_id text NOT NULL,
    facility text NOT NULL,
    PRIMARY KEY (patient_id, facility)
);
COMMENT ON TABLE patient_facilities IS 'who told of a patient: only who may see one of these may see the patient';
CREATE TABLE idempotency (
    key bytea NOT NULL,
    request bytea NOT NULL,
    status integer,
    body bytea,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (key)
);
COMMENT ON TABLE idempotency IS 'what requests with an Idempotency-Key were answered';
COMMENT ON COLUMN idempotency.key IS 'keyed hash of caller, door and Idempotency-Key';
COMMENT ON COLUMN idempotency.request IS 'keyed hash of the body';
COMMENT ON COLUMN idempotency.status IS 'of the first answer';
COMMENT ON COLUMN idempotency.body IS 'of the first answer: ids of ours';
CREATE TABLE episodes (
    episode_id text NOT NULL,
    patient_id text NOT NULL,
    sequence bigint NOT NULL,
    made_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (episode_id)
);
CREATE INDEX ix_episodes_patient_id ON episodes (patient_id);
COMMENT ON TABLE episodes IS 'episodes that intake began';
COMMENT ON COLUMN episodes.sequence IS 'the last ce_sequence that intake gave';
CREATE TABLE told_episodes (
    episode_id text NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    begun_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (episode_id)
);
COMMENT ON TABLE told_episodes IS 'what care.episodes says of them, as far as the choice of an episode needs it';
COMMENT ON COLUMN told_episodes.begun_at IS 'of the first program stay';
COMMENT ON COLUMN told_episodes.ended_at IS 'of the last program stay; none while one is open';
CREATE TABLE visits (
    visit_id text NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    visit_key text NOT NULL,
    episode_id text,
    begun_at timestamptz,
    ended_at timestamptz,
    mapping text NOT NULL,
    PRIMARY KEY (visit_id),
    UNIQUE (patient_id, facility, visit_key)
);
CREATE INDEX ix_visits_episode_id ON visits (episode_id);
COMMENT ON TABLE visits IS 'visits by ADT; a visit number belongs to a patient at a facility';
COMMENT ON COLUMN visits.episode_id IS 'chosen once, with the first fact (contract 3.6 rule 12)';
COMMENT ON COLUMN visits.mapping IS 'version of the site config that its facts are derived with';
CREATE TABLE messages (
    message_id text NOT NULL,
    ids bytea NOT NULL,
    body bytea NOT NULL,
    door text NOT NULL,
    arrived_at timestamptz NOT NULL,
    facility text NOT NULL,
    trigger text NOT NULL,
    control_id text NOT NULL,
    charset text NOT NULL,
    answer text NOT NULL,
    replies bytea[] NOT NULL,
    note text NOT NULL,
    reason text,
    warnings text[] NOT NULL,
    patient_id text,
    visit_id text,
    said bytea,
    sealed bytea NOT NULL,
    PRIMARY KEY (message_id),
    UNIQUE (ids, body)
);
COMMENT ON TABLE messages IS 'every message answered AA or AE';
COMMENT ON COLUMN messages.message_id IS 'sorts by arrival';
COMMENT ON COLUMN messages.ids IS 'keyed hash of MSH-3, MSH-4, MSH-10';
COMMENT ON COLUMN messages.body IS 'keyed hash of the segments';
COMMENT ON COLUMN messages.answer IS 'AA or AE';
COMMENT ON COLUMN messages.replies IS 'what a repeat is answered';
COMMENT ON COLUMN messages.note IS 'applied, waiting, no-effect, unmapped, taken-back, kept, error';
COMMENT ON COLUMN messages.reason IS 'the word that says why';
COMMENT ON COLUMN messages.said IS 'its values as JSON: codes, dates, ids (kept.py)';
COMMENT ON COLUMN messages.sealed IS 'the raw message; place: its message_id';
CREATE TABLE facts (
    ce_id text NOT NULL,
    episode_id text NOT NULL,
    sequence bigint NOT NULL,
    visit_id text,
    key text[] NOT NULL,
    type text NOT NULL,
    stay_id text,
    occurred_at timestamptz NOT NULL,
    value bytea NOT NULL,
    message_id text NOT NULL,
    standing boolean NOT NULL,
    PRIMARY KEY (ce_id),
    UNIQUE (episode_id, sequence)
);
COMMENT ON TABLE facts IS 'what intake stated; standing: neither cancelled nor replaced';
COMMENT ON COLUMN facts.visit_id IS 'none: told by a request, not by a visit''s messages';
COMMENT ON COLUMN facts.key IS 'what it is among the facts of its visit';
COMMENT ON COLUMN facts.value IS 'its own fields as JSON';
COMMENT ON COLUMN facts.message_id IS 'who said it';
CREATE TABLE feeds (
    facility text NOT NULL,
    door text NOT NULL,
    trigger text NOT NULL,
    answer text NOT NULL,
    count bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (facility, door, trigger, answer)
);
COMMENT ON TABLE feeds IS 'how many messages came, and when the last';
COMMENT ON COLUMN feeds.facility IS 'of the site; `other` for one it doesn''t have';
COMMENT ON COLUMN feeds.answer IS 'AA, AE, AR, or `repeat`';
CREATE INDEX messages_of_visit ON messages (visit_id, message_id);
CREATE INDEX messages_noted ON messages (note, message_id) WHERE note NOT IN ('applied', 'kept');
CREATE INDEX messages_without_visit ON messages (patient_id) WHERE visit_id IS NULL AND note = 'waiting';
CREATE INDEX facts_of_visit ON facts (visit_id) WHERE standing;
CREATE INDEX visits_by_mapping ON visits (mapping, visit_id);
CREATE INDEX words_of_patient ON identity_words (patient_id);
CREATE INDEX idempotency_age ON idempotency (made_at);
CREATE INDEX facts_of_requests ON facts (episode_id) WHERE standing AND visit_id IS NULL;
"""


def upgrade() -> None:
    """The plumbing tables and intake's own."""
    create_plumbing(op.get_bind())
    run_statements(op.get_bind(), _FIRST)


def downgrade() -> None:
    """Back to an empty database."""
    run_statements(
        op.get_bind(),
        "DROP TABLE feeds, facts, messages, visits, told_episodes, episodes, idempotency, patient_facilities,"
        " identity_words, identities, patient_identifiers, patients",
    )
    drop_plumbing(op.get_bind())
