"""All SQL that deletes the texts of messages: those that are old, and those of a facility that left."""

from __future__ import annotations

from typing import NamedTuple

from services.intake.hl7.model import AckCode
from shared.retention import AT_ONCE
from shared.storage.database import Connection
from shared.storage.statements import rows

NOT_NEEDED = "NOT EXISTS (SELECT 1 FROM first_identifiers) AND NOT EXISTS (SELECT 1 FROM first_identities)"
"""What the first version stored of persons is brought over by the texts of messages: until then all of them stay."""
_WHICH: dict[AckCode, str] = {"AA": "answer = 'AA'", "AE": "note = 'error' AND note NOT IN ('applied', 'kept')"}
"""Answer → which messages have it; those with AE are few, and found by the index of notes."""
_OLD = f"message_id < $1 AND sealed IS NOT NULL AND {NOT_NEEDED}"
_COUNT_TEXTS = {
    answer: f"SELECT count(*) FROM messages WHERE {which} AND {_OLD}"  # noqa: S608 - our own words
    for answer, which in _WHICH.items()
}
_DELETE_TEXTS = {
    answer: (
        f"WITH p AS MATERIALIZED (SELECT message_id FROM messages WHERE {which} AND message_id > $2 "  # noqa: S608
        f"AND message_id < $1 ORDER BY message_id LIMIT {AT_ONCE}), k AS MATERIALIZED (SELECT message_id FROM messages "
        f"WHERE message_id IN (SELECT message_id FROM p) AND {_OLD} FOR UPDATE SKIP LOCKED), "
        "u AS (UPDATE messages SET sealed = NULL WHERE message_id IN (SELECT message_id FROM k) RETURNING 1) "
        "SELECT (SELECT max(message_id) FROM p) AS last, (SELECT count(*) FROM u) AS number"
    )
    for answer, which in _WHICH.items()
}
_COUNT_REFUSED = "SELECT count(*) FROM refused_messages WHERE message_id < $1"
_DELETE_REFUSED = (
    "DELETE FROM refused_messages WHERE message_id IN (SELECT message_id FROM refused_messages "  # noqa: S608
    f"WHERE message_id < $1 ORDER BY message_id LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED) RETURNING 1"
)


class TextsDeleted(NamedTuple):
    """The last message that was looked at, None where there was none, and how many texts were deleted."""

    last: str | None
    number: int


async def count_texts(connection: Connection, answer: AckCode, before: str) -> int:
    """How many messages with this answer, AA or AE, and an id below `before` still have their text."""
    [row] = await rows(connection, _COUNT_TEXTS[answer], before)
    return int(row[0])


async def delete_texts(connection: Connection, answer: AckCode, after: str, before: str) -> TextsDeleted:
    """Delete the texts of the next AT_ONCE messages with this answer, AA or AE, and ids above `after` and below
    `before`. A message that another transaction has locked keeps its text."""
    [row] = await rows(connection, _DELETE_TEXTS[answer], before, after)
    return TextsDeleted(row["last"], row["number"])


async def count_refused(connection: Connection, before: str) -> int:
    """How many messages that got AR have an id below `before`."""
    return int((await rows(connection, _COUNT_REFUSED, before))[0][0])


async def delete_refused(connection: Connection, before: str) -> int:
    """Delete at most AT_ONCE messages that got AR and have an id below `before`, the oldest first; returns how many.
    One that another transaction has locked stays."""
    return len(await rows(connection, _DELETE_REFUSED, before))
