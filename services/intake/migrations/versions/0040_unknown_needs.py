"""Needs that another system told and the site's vocabulary does not have (contract 3.7.3)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_changes import tell, tell_no_more
from shared.storage.first_tables import run_statements

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

_UP = """
CREATE TABLE unknown_needs (
    need_id text PRIMARY KEY,
    fact_id text NOT NULL,
    place smallint NOT NULL,
    facility text NOT NULL,
    patient_id text NOT NULL,
    told_at timestamptz NOT NULL,
    sealed bytea NOT NULL,
    state text DEFAULT 'open' NOT NULL,
    need text,
    decided_by text,
    decided_at timestamptz,
    UNIQUE (fact_id, place)
);
CREATE INDEX unknown_needs_listed ON unknown_needs (told_at, need_id);
CREATE INDEX unknown_needs_of_facility ON unknown_needs (facility);
COMMENT ON TABLE unknown_needs IS 'needs that another system told and the site''s vocabulary does not have';
COMMENT ON COLUMN unknown_needs.need_id IS 'tells no age';
COMMENT ON COLUMN unknown_needs.fact_id IS 'ce_id of the first statement of what told it';
COMMENT ON COLUMN unknown_needs.place IS 'among the needs of that statement, from 0';
COMMENT ON COLUMN unknown_needs.patient_id IS 'of the episode that it was told of';
COMMENT ON COLUMN unknown_needs.sealed IS 'what was told; place: need:<need_id>';
COMMENT ON COLUMN unknown_needs.state IS 'open, mapped, set-aside';
COMMENT ON COLUMN unknown_needs.need IS 'the site''s need that a person mapped it to';
"""
_CHANGES = {
    "unknown_needs": "SELECT 'unknown-need', n.state, ARRAY[n.facility], NULL::text, NULL::text, n.patient_id "
    "FROM {rows} AS n",
}


def upgrade() -> None:
    """The table, and its changes are told to open pages."""
    run_statements(op.get_bind(), _UP)
    tell(op.get_bind(), _CHANGES)


def downgrade() -> None:
    """Away with all; what was told and decided is lost."""
    tell_no_more(op.get_bind(), _CHANGES)
    run_statements(op.get_bind(), "DROP TABLE unknown_needs;")
