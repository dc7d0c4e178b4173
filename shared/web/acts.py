"""An act of a person on an episode: lock its row, compare its version with what the person saw, decide, save; all in
one transaction.

The same in each service; the decision and what is saved of it are the service's own.
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
    """Who asks for what, on which episode. `version`: the version that the asker saw (If-Match); None: any will do."""

    actor: str
    action: str
    episode_id: str
    version: int | None = None
    scope: Scope = EVERYTHING
    """The facilities that the asker may see. A decision is made on all facts; its answer tells of these facilities
    only."""

    def noted(self, at: datetime) -> audit.Entry:
        """The audit's entry of this act, to be written in the transaction that changes the episode."""
        return audit.Entry(at, self.actor, self.action, self.episode_id)


class Acted(NamedTuple):
    """The result of an act: the ids of what was made or changed, and the episode's version after it."""

    subjects: tuple[str, ...]
    version: int


async def act(
    asked: ActRequest,
    lock: Callable[[str], Awaitable[Row | None]],
    version_of: Callable[[Row], int],
    decide: Callable[[Row], Awaitable[Acted]],
) -> Acted | None:
    """Carry out an act inside the caller's transaction; returns None where there is no such episode.

    `lock(episode_id)` returns the episode's row, locked; `decide(row)` decides, saves the result and writes the audit.
    Raises Rejected where a rule says no, Stale where the episode has changed since the asker saw it.
    """
    row = await lock(asked.episode_id)
    if row is None:
        return None
    if asked.version is not None and asked.version != version_of(row):
        raise Stale("this went on since you saw it: read it again")
    return await decide(row)
