"""The gate: consents, the ledger of disclosures, what is withheld."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """\
CREATE TABLE consents (
    fact_id text NOT NULL,
    episode_id text NOT NULL,
    consent_id text NOT NULL,
    facility text NOT NULL,
    discloser text NOT NULL,
    recipient text,
    recipient_class text,
    purpose text NOT NULL,
    scope text[] NOT NULL,
    begins date NOT NULL,
    ends date,
    learnt_at timestamptz NOT NULL,
    ended_at timestamptz,
    "over" text,
    opens_at timestamptz,
    PRIMARY KEY (fact_id)
);
CREATE INDEX consents_to_open ON consents (opens_at) WHERE opens_at IS NOT NULL;
CREATE INDEX ix_consents_episode_id ON consents (episode_id);
COMMENT ON TABLE consents IS 'every consent that the gate was told of, and since and until when it knew of it';
COMMENT ON COLUMN consents.fact_id IS 'ce_id of the consent-recorded';
COMMENT ON COLUMN consents.learnt_at IS 'when the gate took it in';
COMMENT ON COLUMN consents.ended_at IS 'when the gate took in what ended it';
COMMENT ON COLUMN consents."over" IS 'revoked, expired, cancelled, replaced';
COMMENT ON COLUMN consents.opens_at IS 'start of its first day, until the gate has looked again at what waits for it';
CREATE TABLE disclosures (
    disclosure_id text NOT NULL,
    recipient text NOT NULL,
    episode_id text NOT NULL,
    sequence bigint NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    fact_id text NOT NULL,
    fact_type text NOT NULL,
    writer text NOT NULL,
    labels text[] NOT NULL,
    fields text[] NOT NULL,
    corrects text,
    corrected text,
    basis text NOT NULL,
    basis_id text NOT NULL,
    basis_fact text,
    basis_scope text[] NOT NULL,
    basis_from date NOT NULL,
    basis_to date,
    purpose text NOT NULL,
    disclosed_at timestamptz NOT NULL,
    config text NOT NULL,
    PRIMARY KEY (disclosure_id),
    UNIQUE (recipient, fact_id),
    UNIQUE (recipient, episode_id, sequence)
);
CREATE INDEX disclosures_by_time ON disclosures (disclosed_at, disclosure_id);
CREATE INDEX disclosures_of_episode ON disclosures (episode_id, disclosed_at);
CREATE INDEX disclosures_of_fact ON disclosures (fact_id);
CREATE INDEX disclosures_of_patient ON disclosures (patient_id, disclosed_at);
COMMENT ON TABLE disclosures IS 'the ledger: everything that ever left, and what it rested on then; append-only';
COMMENT ON COLUMN disclosures.disclosure_id IS 'ce_id of the record';
COMMENT ON COLUMN disclosures.fields IS 'what of it was disclosed';
COMMENT ON COLUMN disclosures.corrects IS 'replaces or cancels';
COMMENT ON COLUMN disclosures.corrected IS 'fact_id that went out before';
COMMENT ON COLUMN disclosures.basis_fact IS 'the consent-recorded';
COMMENT ON COLUMN disclosures.config IS 'version of the site config that named recipient and fields';
CREATE TABLE gate_episodes (
    episode_id text NOT NULL,
    seen jsonb DEFAULT '{}' NOT NULL,
    sent jsonb DEFAULT '{}' NOT NULL,
    labels jsonb DEFAULT '{}' NOT NULL,
    early jsonb DEFAULT '[]' NOT NULL,
    place bigint DEFAULT '0' NOT NULL,
    PRIMARY KEY (episode_id)
);
COMMENT ON TABLE gate_episodes IS 'where each episode stands at the gate; the row by which all of it is locked';
COMMENT ON COLUMN gate_episodes.seen IS 'last sequence of each writer';
COMMENT ON COLUMN gate_episodes.sent IS 'last ce_sequence for each recipient';
COMMENT ON COLUMN gate_episodes.labels IS 'by stay, and of the whole';
COMMENT ON COLUMN gate_episodes.early IS '[writer, ce_id] cancelled before it came';
COMMENT ON COLUMN gate_episodes.place IS 'facts that came so far';
CREATE TABLE withheld (
    recipient text NOT NULL,
    fact_id text NOT NULL,
    episode_id text NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    fact_type text NOT NULL,
    writer text NOT NULL,
    labels text[] NOT NULL,
    occurred_at text NOT NULL,
    place bigint NOT NULL,
    content bytea NOT NULL,
    corrects text,
    corrected text,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    config text NOT NULL,
    PRIMARY KEY (recipient, fact_id)
);
CREATE INDEX withheld_by_config ON withheld (config, episode_id);
CREATE INDEX withheld_by_time ON withheld (since, recipient, fact_id);
CREATE INDEX withheld_of_episode ON withheld (episode_id, place);
CREATE INDEX withheld_of_fact ON withheld (fact_id);
COMMENT ON TABLE withheld IS 'what waits for a basis; a row goes when its fact goes out, or is no more';
COMMENT ON COLUMN withheld.place IS 'its turn in the episode';
COMMENT ON COLUMN withheld.content IS 'what would go out of it';
COMMENT ON COLUMN withheld.corrects IS 'replaces or cancels';
COMMENT ON COLUMN withheld.corrected IS 'fact_id that went out before';
"""


def upgrade() -> None:
    """Create the gate's tables."""
    run_statements(op.get_bind(), _TABLES)


def downgrade() -> None:
    """Take them away."""
    run_statements(op.get_bind(), "DROP TABLE withheld, gate_episodes, disclosures, consents")
