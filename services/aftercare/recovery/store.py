"""All SQL that compares aftercare's tables with what topics hold (`told`, shared/messaging/spool.py), and what only
`heal` writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.aftercare.decisions.own_facts import as_stored
from services.aftercare.engine.store import window_row
from services.aftercare.tables import episodes, facts, follow_ups
from shared.events.follow_ups import FollowUp
from shared.facts.envelope import Fact
from shared.messaging.spool import COLUMNS, Told, told_of
from shared.storage.database import Connection, copy_rows
from shared.storage.row_writes import update
from shared.storage.statements import at_once, rows, written

UNTOLD = (
    "SELECT f.episode_id AS subject, f.sequence FROM facts AS f WHERE NOT EXISTS (SELECT FROM told AS t "
    "WHERE t.topic = 'care.events' AND t.writer = 'aftercare' AND t.subject = f.episode_id AND t.sequence = f.sequence)"
)
"""Facts that care.events lacks."""
UNKNOWN = (
    "SELECT DISTINCT t.subject, t.sequence FROM told AS t WHERE t.topic IN ('care.events', 'applied') "
    "AND t.writer = 'aftercare' AND NOT EXISTS (SELECT FROM facts AS f WHERE f.episode_id = t.subject "
    "AND f.sequence = t.sequence)"
)
"""Own facts that the topic, or placement, holds and the table lacks."""
UNTOLD_WHEN_ADOPTED = (
    f"{UNTOLD} UNION SELECT DISTINCT a.subject, a.sequence FROM told AS a WHERE a.topic = 'applied' "  # noqa: S608
    "AND NOT EXISTS (SELECT FROM told AS t WHERE t.topic = 'care.events' AND t.writer = a.writer "
    "AND t.subject = a.subject AND t.sequence = a.sequence)"
)
"""The same, with those that only placement has: they are adopted first, and told again then."""
OTHERS = (
    "SELECT DISTINCT t.subject, t.sequence FROM told AS t JOIN facts AS f ON f.episode_id = t.subject "
    "AND f.sequence = t.sequence WHERE t.topic = 'care.events' AND t.writer = 'aftercare' AND f.ce_id <> t.ce_id"
)
"""Places under which the table and care.events have different facts."""
_UNTOLD_OF = (
    "SELECT f.episode_id, f.sequence, f.ce_id, f.name, f.value::text FROM untold AS u JOIN facts AS f "
    "ON f.episode_id = u.subject AND f.sequence = u.sequence WHERE u.subject = ANY($1::text[]) ORDER BY 1, 2"
)
_UNKNOWN_OF = (
    f"SELECT DISTINCT ON (t.subject, t.sequence) {COLUMNS} FROM unknown AS u JOIN told AS t "  # noqa: S608
    "ON t.topic IN ('care.events', 'applied') AND t.writer = 'aftercare' AND t.subject = u.subject "
    "AND t.sequence = u.sequence WHERE u.subject = ANY($1::text[]) ORDER BY t.subject, t.sequence, t.nth"
)
_DOCUMENTS = (
    f"SELECT DISTINCT ON (t.subject) {COLUMNS} FROM told AS t WHERE t.topic = 'care.episodes' "  # noqa: S608
    "AND t.writer = 'placement' AND t.subject = ANY($1::text[]) ORDER BY t.subject, t.nth DESC"
)
_SEQUENCES = "SELECT episode_id, sequence FROM episodes WHERE episode_id = ANY($1::text[])"
_SEEN = "SELECT episode_id, version FROM episodes WHERE episode_id > $1 ORDER BY 1 LIMIT $2"
_NO_WINDOWS = "DELETE FROM follow_ups WHERE episode_id = ANY($1::text[])"
_STANDS = update(facts, ("episode_id", "sequence", "stands"))
_OUTDATE = update(episodes, ("episode_id", "sequence", "site_version"))


async def untold_of(connection: Connection, subjects: Sequence[str]) -> list[Fact]:
    """The facts of these episodes that care.events lacks, each episode's by sequence."""
    found = await rows(connection, _UNTOLD_OF, subjects)
    return [as_stored(row[0], row[1], row[2], row[3], row[4].encode()) for row in found]


async def unknown_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The own facts of these episodes that the table lacks, by sequence."""
    return await told_of(connection, _UNKNOWN_OF, subjects)


async def documents_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The last document of each of these episodes."""
    return await told_of(connection, _DOCUMENTS, subjects)


async def sequences_of(connection: Connection, subjects: Iterable[str]) -> dict[str, int]:
    """Episode → aftercare's last sequence in it."""
    return {row[0]: row[1] for row in await rows(connection, _SEQUENCES, list(subjects))}


async def seen_after(connection: Connection, episode: str, page: int) -> Mapping[str, int]:
    """Episode → the version of its document that aftercare holds, a page of episodes after this one."""
    return {row[0]: row[1] for row in await rows(connection, _SEEN, episode, page)}


async def keep_adopted(
    connection: Connection,
    new: Sequence[tuple[Fact, bool]],
    fallen: Sequence[Fact],
    windows: Mapping[str, Iterable[FollowUp]],
) -> None:
    """Store adopted facts, each with whether it stands, those of before that stand no longer, and of each episode its
    windows anew; it is decided on again by who asks for episodes of another site config."""
    given = [(f.subject, f.sequence, f.id, f.name, f.body.decode(), stands) for f, stands in new]
    await copy_rows(connection, facts, ("episode_id", "sequence", "ce_id", "name", "value", "stands"), given)
    await at_once(connection, written(_STANDS, [(fact.subject, fact.sequence, False) for fact in fallen]))
    await rows(connection, _NO_WINDOWS, list(windows))
    every = [window_row(each) for found in windows.values() for each in found]
    await copy_rows(connection, follow_ups, follow_ups.columns.keys(), every)
    last = {fact.subject: fact.sequence for fact, _ in new}
    await at_once(connection, written(_OUTDATE, [(episode, sequence, "") for episode, sequence in last.items()]))
