"""Messages are found by facility, trigger, control id and patient, and the facts that a message said."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0032"
down_revision = "0025"
branch_labels = None
depends_on = None

_UP = """
CREATE INDEX messages_kept ON messages (message_id) WHERE note = 'kept';
CREATE INDEX messages_of_facility ON messages (facility, message_id);
CREATE INDEX messages_by_trigger ON messages (trigger, message_id);
CREATE INDEX messages_by_control_id ON messages (control_id, message_id);
CREATE INDEX messages_of_patient ON messages (patient_id, message_id);
CREATE INDEX facts_of_message ON facts (message_id);
"""
_DOWN = """
DROP INDEX facts_of_message;
DROP INDEX messages_of_patient;
DROP INDEX messages_by_control_id;
DROP INDEX messages_by_trigger;
DROP INDEX messages_of_facility;
DROP INDEX messages_kept;
"""


def upgrade() -> None:
    """The indexes of the console's questions."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Away with them."""
    run_statements(op.get_bind(), _DOWN)
