"""All SQL of aftercare that locks or writes: each episode's latest document, aftercare's own facts, the rows of
lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from services.aftercare.decisions.own_facts import StatedFacts, as_stored
from services.aftercare.decisions.windows import state_of
from services.aftercare.tables import DOCUMENT, FACT, entries, episodes, facts, follow_ups
from services.aftercare.worklists.entries import Entry
from shared.events.episodes import EpisodeState, read_document
from shared.events.follow_ups import FollowUp, FollowUpExcluded, FollowUpKept
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.storage.database import Connection, copy_rows
from shared.storage.row_writes import update, upsert
from shared.storage.statements import SqlWrite, at_once, written


@dataclass(frozen=True, slots=True)
class Stored:
    """An episode's row. `version` is that of its document, 0 where none has come yet; `sequence` is aftercare's own
    last one."""

    episode_id: str
    version: int
    sequence: int
    document: EpisodeState | None
    site_version: str


class EpisodeRow(NamedTuple):
    """What has to be saved of one episode: its row, the stated facts, and its windows before and after, by
    follow_up_id."""

    episode: Stored
    stated: StatedFacts
    rows_before: dict[str, FollowUp]
    rows_after: dict[str, FollowUp]
    next_deadline: datetime | None
    entries: tuple[Entry, ...] = ()


_NEW = sa.text(
    "INSERT INTO episodes (episode_id) SELECT unnest(CAST(:ids AS text[])) ORDER BY 1 ON CONFLICT DO NOTHING"
)
_NARROW = (episodes.c.episode_id, episodes.c.version, episodes.c.sequence, episodes.c.site_version)
_LOCK_NARROW = sa.select(*_NARROW, sa.null().label("document")).order_by(episodes.c.episode_id).with_for_update()
_LOCK = sa.select(*_NARROW, DOCUMENT).order_by(episodes.c.episode_id).with_for_update()
_IDS = sa.bindparam("ids", type_=sa.ARRAY(sa.Text))
_STANDING = (
    sa.select(*FACT)
    .where(facts.c.episode_id == sa.any_(_IDS), facts.c.stands)
    .order_by(facts.c.episode_id, facts.c.sequence)
)
_DECIDED = (
    sa.select(*FACT)
    .where(facts.c.episode_id == sa.any_(_IDS), sa.text("value ? 'decided_by'"))
    .order_by(facts.c.episode_id, facts.c.sequence)
)
_EPISODE = ("episode_id", "version", "sequence", "document", "next_deadline", "site_version")
FACT_COLUMNS = ("episode_id", "sequence", "ce_id", "name", "value", "stands", "copy_of")
_SAVE = update(episodes, _EPISODE)
_FALL = update(facts, ("episode_id", "sequence", "stands"))
_FORGET = sa.text("DELETE FROM follow_ups WHERE follow_up_id = ANY(CAST(:ids AS text[]))")
_NOT_LISTED = "DELETE FROM entries WHERE episode_id = ANY($1::text[]) AND NOT id = ANY($2::text[])"
_LISTED = upsert(entries, entries.columns.keys(), unless_same=True)


async def lock(connection: Connection, ids: Sequence[str]) -> list[Stored]:
    """Lock these episodes in the order of their ids, inserting missing ones first; without the documents, which the
    caller is about to replace."""
    await connection.execute(_NEW, {"ids": sorted(ids)})
    found = await connection.execute(_LOCK_NARROW.where(episodes.c.episode_id == sa.any_(_IDS)), {"ids": sorted(ids)})
    return [_stored(row) for row in found.all()]


async def stored_of(connection: Connection, ids: Sequence[str]) -> list[Stored]:
    """The rows of these episodes, with their documents, not locked."""
    query = sa.select(*_NARROW, DOCUMENT).where(episodes.c.episode_id == sa.any_(_IDS)).order_by(episodes.c.episode_id)
    return [_stored(row) for row in (await connection.execute(query, {"ids": list(ids)})).all()]


async def lock_over(connection: Connection, now: datetime, after: str, limit: int) -> list[Stored]:
    """Lock up to `limit` episodes with ids after `after` whose next deadline is at or before `now`."""
    return await _locked(connection, sa.and_(episodes.c.next_deadline <= now, episodes.c.episode_id > after), limit)


async def lock_of_another_config(connection: Connection, site_version: str, after: str, limit: int) -> list[Stored]:
    """Lock up to `limit` episodes with ids after `after` that were decided under another version of the site config."""
    other = sa.and_(episodes.c.site_version != site_version, episodes.c.episode_id > after)
    return await _locked(connection, other, limit)


async def _locked(connection: Connection, which: sa.ColumnElement[bool], limit: int) -> list[Stored]:
    found = await connection.execute(_LOCK.where(which).limit(limit))
    return [_stored(row) for row in found.all()]


async def standing(connection: Connection, ids: Sequence[str]) -> dict[str, list[Fact]]:
    """Aftercare's standing facts of these episodes, in the order of their sequences; every id is a key."""
    return await _facts(connection, _STANDING, ids)


async def lock_one(connection: Connection, episode_id: str) -> Stored | None:
    """Lock one episode, with its document; None where there is none."""
    row = (await connection.execute(_LOCK.where(episodes.c.episode_id == episode_id))).one_or_none()
    return None if row is None else _stored(row)


async def decided(connection: Connection, ids: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts that people decided by hand, standing or not, in the order of their sequences; every id is a key."""
    return await _facts(connection, _DECIDED, ids)


async def _facts(connection: Connection, query: sa.Select[Any], ids: Sequence[str]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {each: [] for each in ids}
    for row in (await connection.execute(query, {"ids": list(ids)})).all():
        found[row.episode_id].append(as_stored(row))
    return found


async def save(connection: Connection, saved: Sequence[EpisodeRow]) -> None:
    """Save the outcome for locked episodes: rows, facts, windows and list entries, each table with one statement of a
    kind."""
    await at_once(connection, written(_SAVE, [_episode_row(each) for each in saved]))
    fallen = [(s.episode.episode_id, sequence, False) for s in saved for sequence in s.stated.fallen]
    await at_once(connection, written(_FALL, fallen))
    fresh = [_fact_row(fact) for each in saved for fact in each.stated.facts]
    await copy_rows(connection, facts, FACT_COLUMNS, fresh)
    await _save_windows(connection, saved)
    await _save_entries(connection, [(s.episode, s.entries) for s in saved])


def _episode_row(saved: EpisodeRow) -> tuple[Any, ...]:
    e = saved.episode
    return (e.episode_id, e.version, e.sequence, _document(e.document), saved.next_deadline, e.site_version)


async def _save_windows(connection: Connection, saved: Sequence[EpisodeRow]) -> None:
    gone = [key for s in saved for key, row in s.rows_before.items() if s.rows_after.get(key) != row]
    new = [row for s in saved for key, row in s.rows_after.items() if s.rows_before.get(key) != row]
    if gone:
        await connection.execute(_FORGET, {"ids": gone})
    await copy_rows(connection, follow_ups, follow_ups.columns.keys(), [window_row(row) for row in new])


async def _save_entries(connection: Connection, told: Sequence[tuple[Stored, tuple[Entry, ...]]]) -> None:
    if not told:
        return
    lines = [_entry_row(episode, each) for episode, listed in told for each in listed]
    gone = SqlWrite(_NOT_LISTED, ([episode.episode_id for episode, _ in told], [line[0] for line in lines]))
    await at_once(connection, [gone, *written(_LISTED, lines)])


def _entry_row(episode: Stored, entry: Entry) -> tuple[Any, ...]:
    patient_id = episode.document.patient_id if episode.document else ""
    value = msgspec.json.encode(entry.value).decode()
    return (
        entry.id,
        entry.kind,
        episode.episode_id,
        patient_id,
        entry.facility,
        entry.state,
        entry.sort_at,
        value,
    )


def _stored(row: Any) -> Stored:
    document = read_document(row.document.encode()) if row.document is not None else None
    return Stored(row.episode_id, row.version, row.sequence, document, row.site_version)


_NEEDED = (
    "episode_id", "patient_id", "state", "labels", "stays", "search", "next_start", "missed_start", "declined_at",
    "deaths", "merged_into", "ended_merges", "needs_referred", "version",
)  # fmt: skip


def _document(document: EpisodeState | None) -> str | None:
    """The document as stored: only the parts that facts are derived from."""
    if document is None:
        return None
    told = {name: each for name in _NEEDED if (each := getattr(document, name)) is not None}
    return msgspec.json.encode(told).decode()


def _fact_row(fact: Fact) -> tuple[Any, ...]:
    stands = not isinstance(fact.value, FactCancelled)
    return (fact.subject, fact.sequence, fact.id, fact.name, fact.body.decode(), stands, fact.copy_of)


def window_row(window: FollowUp) -> tuple[Any, ...]:
    """A window as a row of `follow_ups`."""
    kept = window if isinstance(window, FollowUpKept) else None
    return (
        window.follow_up_id,
        window.episode_id,
        window.patient_id,
        window.facility,
        window.measure,
        window.discharge,
        window.due_from,
        window.due_to,
        state_of(window),
        kept.kept_at if kept else None,
        kept.by_fact if kept else None,
        window.reason if isinstance(window, FollowUpKept | FollowUpExcluded) else None,
    )
