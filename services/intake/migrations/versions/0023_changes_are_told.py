"""Probable matches and dead letters tell that they changed, so that open pages show it (contract 6, decision 0195)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_changes import tell, tell_no_more

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_EVIDENCE = {
    "match_evidence": "SELECT 'match', m.state, ARRAY[e.of_one, e.of_other], NULL::text, NULL::text, p.patient_id "
    "FROM {rows} AS e JOIN matches AS m ON m.match_id = e.match_id "
    "CROSS JOIN LATERAL (VALUES (m.one), (m.other)) AS p(patient_id)",
}
_DECIDED = {
    "matches": "SELECT 'match', m.state, ARRAY[e.of_one, e.of_other], NULL::text, NULL::text, p.patient_id "
    "FROM {rows} AS m JOIN match_evidence AS e ON e.match_id = m.match_id "
    "CROSS JOIN LATERAL (VALUES (m.one), (m.other)) AS p(patient_id)",
}
_LETTERS = {
    "dead_letters": "SELECT 'dead-letter', l.state, '{{}}'::text[], NULL::text, NULL::text, NULL::text "
    "FROM {rows} AS l",
}


def upgrade() -> None:
    """Make the triggers."""
    tell(op.get_bind(), _EVIDENCE)
    tell(op.get_bind(), _DECIDED, ("UPDATE",))
    tell(op.get_bind(), _LETTERS)


def downgrade() -> None:
    """As it was."""
    tell_no_more(op.get_bind(), {**_EVIDENCE, **_DECIDED, **_LETTERS})
