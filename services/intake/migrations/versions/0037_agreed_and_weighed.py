"""What a facility told of a person and a message deletes, by which weights records were compared, and which updates say
nothing that later ones do not."""

from __future__ import annotations

from alembic import op

from shared.storage.first_tables import run_statements

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_UP = """
CREATE TABLE deleted_persons (
    message_id text PRIMARY KEY,
    patient_id text NOT NULL,
    facility text NOT NULL,
    sealed bytea NOT NULL,
    stated_at timestamptz NOT NULL
);
CREATE INDEX deleted_persons_of_facility ON deleted_persons (facility, patient_id);
COMMENT ON TABLE deleted_persons IS
    'what a facility had told of a person when somebody agreed that a message (A29) deletes it';
COMMENT ON COLUMN deleted_persons.message_id IS 'the message that deletes it (A29)';
COMMENT ON COLUMN deleted_persons.sealed IS 'as in identities';
ALTER TABLE identity_words ADD COLUMN weighed text;
COMMENT ON COLUMN identity_words.weighed IS 'digest of the weights of likeness that it was compared by';
ALTER TABLE messages ADD COLUMN superseded boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN messages.superseded IS 'an update that says nothing that later ones of its visit do not say';
DROP INDEX messages_of_visit;
CREATE INDEX messages_of_visit
    ON messages (visit_id, (superseded OR COALESCE(reason, '') = 'repeated'), message_id);
"""
_DOWN = """
DROP INDEX messages_of_visit;
CREATE INDEX messages_of_visit ON messages (visit_id, (COALESCE(reason, '') = 'repeated'), message_id);
ALTER TABLE messages DROP COLUMN superseded;
DROP TABLE deleted_persons;
ALTER TABLE identity_words DROP COLUMN weighed;
"""


def upgrade() -> None:
    """The table and the columns; a record and a message get theirs when they are looked at next."""
    run_statements(op.get_bind(), _UP)


def downgrade() -> None:
    """Away with all."""
    run_statements(op.get_bind(), _DOWN)
