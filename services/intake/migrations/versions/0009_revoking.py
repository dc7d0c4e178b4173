"""A revocation counts from when placement's gate has it, which care.episodes tells; dead letters are sealed."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements, seal_dead_letters, unseal_dead_letters

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

_THERE = """\
ALTER TABLE told_episodes ADD COLUMN seen bigint DEFAULT '0' NOT NULL;
COMMENT ON COLUMN told_episodes.seen IS 'the last of intake''s facts that is in it';
ALTER TABLE consent_episodes ADD COLUMN revoked_by bigint;
COMMENT ON COLUMN consent_episodes.revoked_by IS 'ce_sequence of the consent-revoked of this episode';
ALTER TABLE consents ADD COLUMN counts_from timestamptz;
COMMENT ON COLUMN consents.ended_at IS 'when its end was stated';
COMMENT ON COLUMN consents.counts_from IS 'of a revocation: when placement''s gate was known to have all of it';
COMMENT ON COLUMN consents.state IS 'standing, revoking, revoked or expired';
CREATE INDEX consents_revoking ON consents (consent_id) WHERE state = 'revoking';
"""
_BACK = """\
DROP INDEX consents_revoking;
UPDATE consents SET state = 'revoked' WHERE state = 'revoking';
COMMENT ON COLUMN consents.ended_at IS NULL;
COMMENT ON COLUMN consents.state IS 'standing, revoked or expired';
ALTER TABLE consents DROP COLUMN counts_from;
ALTER TABLE consent_episodes DROP COLUMN revoked_by;
ALTER TABLE told_episodes DROP COLUMN seen;
"""


def upgrade() -> None:
    """Where it is kept."""
    run_statements(op.get_bind(), _THERE)
    seal_dead_letters(op.get_bind())


def downgrade() -> None:
    """As it was."""
    unseal_dead_letters(op.get_bind())
    run_statements(op.get_bind(), _BACK)
