"""Lists, seats and episodes tell that they changed, so that open pages show it (contract 6, decision 0195)."""

from __future__ import annotations

from alembic import op

from shared.storage.first_changes import tell, tell_no_more

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TOLD = {
    "entries": "SELECT e.kind, e.state, e.facility || e.besides, e.asked_by, NULL::text, p.patient_id "
    "FROM {rows} AS e LEFT JOIN episodes AS p ON p.episode_id = e.episode_id",
    "seats": "SELECT 'seat', 'held', '{{}}'::text[], s.asked_by, s.program, p.patient_id "
    "FROM {rows} AS s LEFT JOIN episodes AS p ON p.episode_id = s.episode_id",
    "program_stays": "SELECT 'seat', 'there', '{{}}'::text[], NULL::text, s.program, NULL::text FROM {rows} AS s",
    "withheld": "SELECT 'withheld', '', ARRAY[w.facility], NULL::text, NULL::text, w.patient_id FROM {rows} AS w",
}
_EPISODES = {
    "episodes": "SELECT 'episode', '', e.facilities, NULL::text, NULL::text, e.patient_id FROM {rows} AS e",
}


def upgrade() -> None:
    """Make the triggers."""
    tell(op.get_bind(), _TOLD)
    tell(op.get_bind(), _EPISODES, ("UPDATE",))


def downgrade() -> None:
    """As it was."""
    tell_no_more(op.get_bind(), {**_TOLD, **_EPISODES})
