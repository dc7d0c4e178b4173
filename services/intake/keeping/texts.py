"""How long the texts of messages are kept: the retention of raw and of refused messages, for a timer and a command.

The text alone is deleted. The message's row stays: a repeat is still recognised and gets its first answer, and what the
message said of a visit, as codes, dates and ids (`said`), stays, since the facts of the visit are derived from it again
with every later message and after every change of the site config. Of a message that got AR nothing is kept after that.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.intake.hl7.model import AckCode
from services.intake.keeping import store
from shared.ids import first_id
from shared.retention import AT_ONCE, Deleted, RetentionKind
from shared.storage.database import Connection


def raw_messages(days: int) -> RetentionKind:
    """The texts of messages that got AA, kept for so many days; 0: for ever."""
    return _texts("raw-messages", "AA", days)


def refused_messages(days: int) -> RetentionKind:
    """The texts of messages that got AE, and all of those that got AR, kept for so many days; 0: for ever (contract
    6)."""
    texts = _texts("refused-messages", "AE", days)

    async def count(connection: Connection, before: datetime) -> int:
        return await texts.old(connection, before) + await store.count_refused(connection, first_id(before))

    async def delete(connection: Connection, before: datetime) -> Deleted:
        done = await texts.delete(connection, before)
        number = await store.delete_refused(connection, first_id(before))
        return Deleted(done.number + number, done.more or number == AT_ONCE)

    return texts._replace(old=count, delete=delete)


def _texts(name: str, answer: AckCode, days: int) -> RetentionKind:
    """The texts of messages with this answer. They are gone through in the order of arrival; a process begins
    with the first one, and each round goes on where the one before stopped: what was locked then goes after the next
    start."""
    place = ""

    async def count(connection: Connection, before: datetime) -> int:
        return await store.count_texts(connection, answer, first_id(before))

    async def delete(connection: Connection, before: datetime) -> Deleted:
        nonlocal place
        done = await store.delete_texts(connection, answer, place, first_id(before))
        place = done.last or place
        return Deleted(done.number, done.last is not None)

    return RetentionKind(name, timedelta(days=days) if days else None, count, delete)
