"""Merges, links and moves that an earlier release kept, and that stated nothing: read again, once after an upgrade.

What a message says of two patients is worked out when it is read; those that were stored before are read again by their
sealed texts, in the order in which they came, each in a transaction of its own. One whose text the site no longer keeps
is left as it is: its sender has to send it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.console import reading_again, store
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.receive import Intake
from shared.scope import Scope

PAGE = 200
"""Messages that are looked up at once."""
_OF_RECORDS = sorted(name for name, means in TRIGGERS.items() if means.merges or means.records)


@dataclass(slots=True)
class KeptRecords:
    """Reads them again once after a start of the service."""

    intake: Intake
    done: bool = False

    async def run(self) -> None:
        """Read them again where that was not done yet. Raises Transient while the database is away."""
        if self.intake.prepared and not self.done:
            await take_in_kept(self.intake)
            self.done = True


async def take_in_kept(intake: Intake) -> int:
    """Read every such message again; returns how many there were. Raises Transient while the database is away; what was
    read again until then stays so."""
    number, after = 0, ""
    while True:
        async with intake.database.read() as connection:
            page = await store.kept_of(connection, _OF_RECORDS, after, PAGE)
        for message_id in page:
            async with intake.database.begin() as connection:
                await reading_again.apply(connection, intake, message_id, Scope(None))
        number += len(page)
        if not page:
            return number
        after = page[-1]
