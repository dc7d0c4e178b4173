"""What reading a message again writes beside what taking one in does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.tables import messages, refused_messages
from shared.scope import Scope
from shared.storage.database import Connection

_KEPT = sa.text(
    "SELECT message_id, facility, door, arrived_at, ids, body, answer, replies, patient_id, visit_id, said, sealed, "
    "trigger, control_id FROM messages WHERE message_id = :id UNION ALL "
    "SELECT message_id, facility, door, arrived_at, ids, body, 'AR', '{}'::bytea[], NULL, NULL, NULL, sealed, "
    "trigger, control_id FROM refused_messages WHERE message_id = :id"
)


class KeptMessage(NamedTuple):
    """A stored message as far as reading it again needs it; `said`, as codec.py wrote it, is None where it was not
    understood, `sealed` None where its text is deleted."""

    message_id: str
    facility: str
    door: str
    arrived_at: datetime
    ids: bytes
    body: bytes
    answer: str
    replies: list[bytes]
    patient_id: str | None
    visit_id: str | None
    said: bytes | None
    sealed: bytes | None
    trigger: str
    control_id: str

    @property
    def fhir(self) -> bool:
        """Whether it is FHIR, not HL7 v2."""
        return self.trigger.startswith("FHIR")


async def kept(connection: Connection, message_id: str, scope: Scope) -> KeptMessage | None:
    """A message, kept or refused; None where there is none in scope."""
    row = (await connection.execute(_KEPT, {"id": message_id})).first()
    found = KeptMessage(*row) if row else None
    return found if found and scope.has(found.facility) else None


async def take_out(connection: Connection, message_id: str) -> None:
    """Delete a message's row, which the same transaction writes anew."""
    for table in (messages, refused_messages):
        await connection.execute(sa.delete(table).where(table.c.message_id == message_id))


async def kept_of(connection: Connection, triggers: Sequence[str], after: str, most: int) -> list[str]:
    """Ids of messages of these triggers that were kept without anything done by them and whose text is there, the
    oldest first, from behind the id `after` on."""
    query = (
        sa.select(messages.c.message_id)
        .where(messages.c.note == "kept", messages.c.answer == "AA", messages.c.trigger.in_(triggers))
        .where(messages.c.sealed.is_not(None), messages.c.message_id > after)
        .order_by(messages.c.message_id)
        .limit(most)
    )
    return list((await connection.execute(query)).scalars())
