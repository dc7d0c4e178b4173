"""All SQL of requests: which keys were used and what was answered, whose an episode is, the fact that is stated."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people.facilities import HAD_THERE
from services.intake.receiving import store as receiving
from shared.events import Fact
from shared.storage.database import Connection
from shared.storage.statements import at_once

_CLAIM = sa.text(
    "INSERT INTO idempotency (key, request, made_at) VALUES (:key, :request, :at) ON CONFLICT DO NOTHING RETURNING key"
)
_FIRST = sa.text("SELECT request, status, body FROM idempotency WHERE key = :key")
_ANSWERED = sa.text("UPDATE idempotency SET status = :status, body = :body WHERE key = :key")
_FORGET = sa.text("DELETE FROM idempotency WHERE made_at < :before")
_OWNER = sa.text(
    "SELECT e.patient_id FROM episodes AS e WHERE e.episode_id = :episode "  # noqa: S608 - our own words
    f"AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE})"
)


class First(NamedTuple):
    """What came first with a key: the hash of the request, and the answer."""

    request: bytes
    status: int
    body: bytes


async def claim(connection: Connection, key: bytes, request: bytes, at: datetime) -> First | None:
    """None: the key is ours now, until this transaction ends. Waits for a transaction that has it just now."""
    given = {"key": key, "request": request, "at": at}
    while (await connection.execute(_CLAIM, given)).scalar_one_or_none() is None:
        row = (await connection.execute(_FIRST, {"key": key})).one_or_none()
        if row is not None:  # it is gone where the timer forgot it between the two statements
            return First(row.request, row.status, row.body)
    return None


async def answered(connection: Connection, key: bytes, status: int, body: bytes) -> None:
    """Keep the answer for whoever comes with the key again."""
    await connection.execute(_ANSWERED, {"key": key, "status": status, "body": body})


async def forget(connection: Connection, before: datetime) -> None:
    """Let go of the keys used before."""
    await connection.execute(_FORGET, {"before": before})


async def owner(connection: Connection, episode_id: str, facilities: frozenset[str] | None) -> str | None:
    """The patient of an episode of ours in which one of these facilities told something (None: any)."""
    given = {"episode": episode_id, "facilities": None if facilities is None else sorted(facilities)}
    found: str | None = (await connection.execute(_OWNER, given)).scalar_one_or_none()
    return found


async def keep_fact(connection: Connection, fact: Fact, patient_id: str, said_by: str) -> None:
    """Write the fact and its episode's sequence; the caller holds the lock of the patient's row."""
    await at_once(connection, receiving.keep_stated([(fact, said_by)], {fact.subject: patient_id}))
