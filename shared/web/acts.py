"""What a person does to an episode: its row is locked, seen at its version, decided on and saved, in one transaction.

The same in each service; what is decided on, and what is saved of it, is the service's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, TypeVar

from shared.errors import Stale
from shared.scope import EVERYTHING, Scope
from shared.storage import audit
from shared.values import value_object

Row = TypeVar("Row")


@value_object
class ActRequest:
    """Who asks for what, on which episode; `version` is what the asker saw it at (If-Match), None: whatever it is."""

    actor: str
    action: str
    episode_id: str
    version: int | None = None
    scope: Scope = EVERYTHING
    """What the asker may see: a decision is made on all facts, and says what is of these."""

    def noted(self, at: datetime) -> audit.Entry:
        """For the audit, to be written with what it changes."""
        return audit.Entry(at, self.actor, self.action, self.episode_id)


class Acted(NamedTuple):
    """What came of it: the ids of what was made or changed, and what the episode's version is now."""

    subjects: tuple[str, ...]
    version: int


async def act(
    asked: ActRequest,
    lock: Callable[[str], Awaitable[Row | None]],
    version_of: Callable[[Row], int],
    decide: Callable[[Row], Awaitable[Acted]],
) -> Acted | None:
    """Do it, inside the caller's transaction; None where there is no such episode.

    `decide`: decides on the locked row, saves and notes what comes of it. Raises Rejected where it is not possible now,
    Stale where the asker saw an older state.
    """
    row = await lock(asked.episode_id)
    if row is None:
        return None
    if asked.version is not None and asked.version != version_of(row):
        raise Stale("this went on since you saw it: read it again")
    return await decide(row)
