"""Carries out work in a transaction that is rolled back: what would be written is looked at, and nothing is kept.

The work is the very code that takes messages in, so what is shown is what would be done.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.intake.people.patients import Numbering
from services.intake.receiving.receive import Intake
from shared.storage.database import Connection, Database, before_commit

Given = TypeVar("Given")
Seen = TypeVar("Seen")


class _NothingKept(Exception):
    """Rolls a rehearsal back."""


async def rehearsed(
    database: Database,
    work: Callable[[Connection], Awaitable[Given]],
    look: Callable[[Connection, Given], Awaitable[Seen]],
) -> Seen:
    """What `look` finds after `work` and all that it left to the transaction's end; then everything is rolled back.

    Raises what `work` raises, and Transient where the database is away.
    """
    seen: list[Seen] = []
    try:
        async with database.begin() as connection:
            given = await work(connection)

            async def last(connection: Connection) -> None:
                seen.append(await look(connection, given))
                raise _NothingKept

            before_commit(connection, lambda: last)
    except _NothingKept:
        pass
    return seen[0]


def for_rehearsal(intake: Intake) -> Intake:
    """The same intake with a memory of its own for names of authorities: what it learns of them is not kept."""
    found = copy.copy(intake)
    found.numbering = Numbering.at(intake.site, intake.seal)
    return found
