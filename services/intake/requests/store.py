"""All SQL of requests: whose an episode is, and the fact that is stated."""

from __future__ import annotations

from datetime import datetime

import orjson
import sqlalchemy as sa

from services.intake.people.facilities import HAD_THERE
from services.intake.tables import facts
from shared.events import Fact
from shared.storage.database import Connection, copy_rows

_OWNER = sa.text(
    "SELECT e.patient_id FROM episodes AS e WHERE e.episode_id = :episode "  # noqa: S608 - our own words
    f"AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE})"
)
_EPISODE = sa.text(
    "INSERT INTO episodes (episode_id, patient_id, sequence) VALUES (:episode, :patient, :sequence) "
    "ON CONFLICT (episode_id) DO UPDATE SET sequence = excluded.sequence"
)
_COLUMNS = (
    "ce_id", "episode_id", "sequence", "visit_id", "key", "type", "stay_id", "occurred_at", "value", "message_id",
    "standing",
)  # fmt: skip


async def owner(connection: Connection, episode_id: str, facilities: frozenset[str] | None) -> str | None:
    """The patient of an episode of ours in which one of these facilities told something (None: any)."""
    given = {"episode": episode_id, "facilities": None if facilities is None else sorted(facilities)}
    found: str | None = (await connection.execute(_OWNER, given)).scalar_one_or_none()
    return found


async def keep_fact(connection: Connection, fact: Fact, patient_id: str, occurred_at: datetime, said_by: str) -> None:
    """Write the fact and its episode's sequence; the caller holds the lock of the patient's row."""
    given = {"episode": fact.subject, "patient": patient_id, "sequence": fact.sequence}
    await connection.execute(_EPISODE, given)
    place = (fact.id, fact.subject, fact.sequence, None, [fact.name, fact.id], fact.name, None)
    row = (*place, occurred_at, orjson.dumps(fact.value), said_by, True)
    await copy_rows(connection, facts, _COLUMNS, [row])
