"""All SQL that compares aftercare's tables with what topics hold (`told`, shared/messaging/spool.py), and what only
`heal` writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.aftercare.decisions.own_facts import as_stored
from services.aftercare.engine.store import FACT_COLUMNS, window_row
from services.aftercare.tables import episodes, facts, follow_ups
from shared.events.follow_ups import FollowUp
from shared.facts.envelope import Fact
from shared.messaging.spool import COLUMNS, Told, told_of
from shared.storage.database import Connection, copy_rows
from shared.storage.row_writes import update
from shared.storage.statements import at_once, rows, written

_UNTOLD_OF = (
    "SELECT f.episode_id, f.sequence, f.ce_id, f.name, f.value::text, f.copy_of FROM untold AS u JOIN facts AS f "
    "ON f.episode_id = u.subject AND f.sequence = u.sequence WHERE u.subject = ANY($1::text[]) ORDER BY 1, 2"
)
_DOCUMENTS = (
    f"SELECT DISTINCT ON (t.subject) {COLUMNS} FROM told AS t WHERE t.topic = 'care.episodes' "  # noqa: S608
    "AND t.writer = 'placement' AND t.subject = ANY($1::text[]) ORDER BY t.subject, t.nth DESC"
)
_SEQUENCES = "SELECT episode_id, sequence FROM episodes WHERE episode_id = ANY($1::text[])"
_SEEN = "SELECT episode_id, version FROM episodes WHERE episode_id > $1 ORDER BY 1 LIMIT 2000"
_NO_WINDOWS = "DELETE FROM follow_ups WHERE episode_id = ANY($1::text[])"
_STANDS = update(facts, ("episode_id", "sequence", "stands"))
_OUTDATE = update(episodes, ("episode_id", "sequence", "site_version"))


async def untold_of(connection: Connection, subjects: Sequence[str]) -> list[Fact]:
    """The facts of these episodes that care.events lacks, each episode's by sequence."""
    found = await rows(connection, _UNTOLD_OF, subjects)
    return [as_stored(row) for row in found]


async def documents_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The last document of each of these episodes."""
    return await told_of(connection, _DOCUMENTS, subjects)


async def sequences_of(connection: Connection, subjects: Iterable[str]) -> dict[str, int]:
    """Episode → aftercare's last sequence in it."""
    return {row[0]: row[1] for row in await rows(connection, _SEQUENCES, list(subjects))}


async def seen_after(connection: Connection, episode: str) -> Mapping[str, int]:
    """Episode → the version of its document that aftercare holds, a page of episodes after this one."""
    return {row[0]: row[1] for row in await rows(connection, _SEEN, episode)}


async def keep_adopted(
    connection: Connection,
    new: Sequence[tuple[Fact, bool]],
    fallen: Sequence[Fact],
    windows: Mapping[str, Iterable[FollowUp]],
) -> None:
    """Store adopted facts, each with whether it stands, those of before that stand no longer, and of each episode its
    windows anew; it is decided on again by who asks for episodes of another site config."""
    given = [(f.subject, f.sequence, f.id, f.name, f.body.decode(), stands, f.copy_of) for f, stands in new]
    await copy_rows(connection, facts, FACT_COLUMNS, given)
    await at_once(connection, written(_STANDS, [(fact.subject, fact.sequence, False) for fact in fallen]))
    await rows(connection, _NO_WINDOWS, list(windows))
    every = [window_row(each) for found in windows.values() for each in found]
    await copy_rows(connection, follow_ups, follow_ups.columns.keys(), every)
    last = {fact.subject: fact.sequence for fact, _ in new}
    await at_once(connection, written(_OUTDATE, [(episode, sequence, "") for episode, sequence in last.items()]))
