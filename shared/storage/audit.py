"""The audit: who did what to what, and why; append-only rows in the act's own transaction, never a message's
content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Rejected
from shared.storage.database import copy_rows
from shared.storage.statements import Append, at_once
from shared.storage.tables import audit, refusals


class Entry(NamedTuple):
    """One act. `subject` is an id (episode, message, patient), `reason` a code; `times`: how many equal acts in one
    batch."""

    at: datetime
    actor: str
    action: str
    subject: str
    reason: str | None = None
    times: int = 1


async def note(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Write entries. Raises ValueError for an entry without an actor."""
    await at_once(connection, noting(entries))


def noting(entries: Sequence[Entry]) -> list[Append]:
    """The same as a write that can be done together with others. Raises ValueError for an entry without an actor."""
    if any(not entry.actor for entry in entries):
        raise ValueError("an audit entry needs an actor")
    return [Append(audit, ("at", "actor", "action", "subject", "reason", "count"), entries)]


async def refused(connection: AsyncConnection, entry: Entry, no: Rejected) -> None:
    """Record that a rule refused the act. The caller commits this alone, since the act itself is rolled back."""
    row = (entry.at, entry.actor, entry.action, entry.subject, no.code)
    await copy_rows(connection, refusals, ("at", "actor", "action", "subject", "code"), [row])
