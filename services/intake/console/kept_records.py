"""Merges, links and moves that an earlier release kept, and that stated nothing: read again, once after an upgrade.

What a message says of two patients is worked out when it is read; those that were stored before are read again by their
sealed texts, in the order in which they came, each in a transaction of its own. One whose text the site no longer keeps
is left as it is: its sender has to send it again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from services.intake.console import reading_again, store
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.merges.accounts import unsettled
from services.intake.receiving.receive import Intake
from shared.errors import Rejected
from shared.scope import Scope

PAGE = 200
"""Messages that are looked up at once."""
_OF_RECORDS = sorted(name for name, means in TRIGGERS.items() if means.merges or means.records)


async def settle_moves(intake: Intake) -> None:
    """Take in again the messages that moved a visit by its account before that visit was known, where it is now.
    Raises Transient while the database is away."""
    done: set[str] = set()
    while intake.prepared:
        async with intake.database.read() as connection:
            known = await unsettled(connection)
        if done.issuperset(known):
            return
        for message_id in known:  # one that is settled may tell whose the next one's visit is
            if message_id not in done:
                done.add(message_id)
                await _take_in(intake, message_id)


async def _take_in(intake: Intake, message_id: str) -> None:
    """Read one again; one whose text the site no longer keeps is left as it is."""
    with suppress(Rejected):
        async with intake.database.begin() as connection:
            await reading_again.apply(connection, intake, message_id, Scope(None))


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
