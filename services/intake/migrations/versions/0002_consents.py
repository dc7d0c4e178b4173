"""Consents of patients, and the episodes for which they were stated."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """\
CREATE TABLE consent_episodes (
    consent_id text NOT NULL,
    episode_id text NOT NULL,
    PRIMARY KEY (consent_id, episode_id)
);
COMMENT ON TABLE consent_episodes IS 'for which episodes a consent was stated';
CREATE TABLE consents (
    consent_id text NOT NULL,
    patient_id text NOT NULL,
    facility text NOT NULL,
    discloser text NOT NULL,
    recipient text,
    recipient_class text,
    purpose text NOT NULL,
    scope text[] NOT NULL,
    begins date NOT NULL,
    ends date,
    occurred_at timestamptz NOT NULL,
    over_at timestamptz,
    state text DEFAULT 'standing' NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (consent_id)
);
CREATE INDEX consents_of_patient ON consents (patient_id, consent_id);
CREATE INDEX consents_over ON consents (over_at) WHERE state = 'standing' AND over_at IS NOT NULL;
COMMENT ON TABLE consents IS 'what patients consented to';
COMMENT ON COLUMN consents.consent_id IS 'sorts by when it was recorded';
COMMENT ON COLUMN consents.facility IS 'where it was given; its zone counts the days';
COMMENT ON COLUMN consents.occurred_at IS 'when the patient gave it';
COMMENT ON COLUMN consents.over_at IS 'end of its last day';
COMMENT ON COLUMN consents.state IS 'standing, revoked or expired';
"""


def upgrade() -> None:
    """Create the tables of consents."""
    run_statements(op.get_bind(), _TABLES)


def downgrade() -> None:
    """Take them away."""
    run_statements(op.get_bind(), "DROP TABLE consents, consent_episodes")
