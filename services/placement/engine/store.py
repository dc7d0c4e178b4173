"""SQL that writes episodes, facts, periods and stays at programs, and the reads that writing needs; no rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.programs.census import Presence
from services.placement.tables import DESK_TYPES, episodes, fact_of, facts, periods, program_stays, sent_of
from shared.events.published import encode
from shared.events.stays import PatientsMerged
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace, HasFact
from shared.messaging.positions import Tally, then
from shared.storage.merged_episodes import PAIRS, pair, pairs_of
from shared.storage.row_writes import update, upsert
from shared.storage.statements import Append, Read, SqlWrite, driven, rows, together, written


@dataclass(slots=True)
class LockedEpisode:
    """The row of one locked episode. `seen`: the last sequence of each writer; `version` 0: nothing was published yet;
    `rules`: the version of the site config that it was published under."""

    episode_id: str
    patient_id: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    version: int = 0
    fold: bytes | None = None
    fold_version: int = 0
    announced: bytes = b"[]"
    desk: bool = False
    listed: bytes = b""
    rules: str = ""
    facilities: tuple[str, ...] = ()
    written_by: str = ""
    """The transaction that wrote it."""
    earlier: EarlierRows | None = None
    """What was stated and sent before, where it was read together with the lock."""
    kin: Kin | None = None
    """The episodes that were merged into it or it into, locked with it; None: there are none."""


class Kin(NamedTuple):
    """Episodes that merges join, locked together. `rows`: by id; `pairs`: (retired, surviving), also of merges that
    were taken back."""

    rows: dict[str, LockedEpisode]
    pairs: list[tuple[str, str]]


class EarlierRows(NamedTuple):
    """Rows of `facts` that the desk is made of, and of `periods`, of one episode."""

    of_the_desk: list[Any]
    sent: list[Any]


class EpisodeRow(NamedTuple):
    """What an episode's row becomes; its fields are the columns."""

    episode_id: str
    patient_id: str
    facility: str
    state: str
    level: str | None
    since: datetime | None
    ineffective: int
    conflicts: int
    seen: str
    version: int
    fold: bytes
    fold_version: int
    announced: bytes
    desk: bool
    listed: bytes
    facilities: str
    """As the text of a PostgreSQL array."""
    rules: str


_SAVE = update(episodes, EpisodeRow._fields, changes={"facility": "COALESCE(NULLIF(n.facility, ''), t.facility)"})
_INSERT_MISSING = (
    "INSERT INTO episodes (episode_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING episode_id"
)
_ROW = sa.select(
    episodes.c.episode_id,
    episodes.c.patient_id,
    sa.cast(episodes.c.seen, sa.Text).label("seen"),
    episodes.c.version,
    episodes.c.fold,
    episodes.c.fold_version,
    episodes.c.announced,
    episodes.c.desk,
    episodes.c.listed,
    episodes.c.rules,
    sa.cast(sa.func.to_json(episodes.c.facilities), sa.Text).label("facilities"),
    sa.literal_column("episodes.xmin::text").label("written_by"),
)
_WRITTEN_BY = "SELECT episode_id, xmin::text FROM episodes WHERE episode_id = ANY($1::text[])"
_AND_KIN = (
    "(ARRAY(SELECT unnest($1::text[]) UNION SELECT surviving FROM merges WHERE retired = ANY($1::text[]) "
    "UNION SELECT retired FROM merges WHERE surviving = ANY($1::text[])))"
)
_LOCK = driven(
    _ROW.where(episodes.c.episode_id == sa.any_(sa.text(_AND_KIN))).order_by(episodes.c.episode_id).with_for_update()
)
_OUTDATED = (
    _ROW.where(
        sa.or_(
            episodes.c.fold_version < sa.bindparam("current", type_=sa.Integer),
            episodes.c.rules < sa.bindparam("rules", type_=sa.Text),  # not `<>`: an index finds none at once
            episodes.c.rules > sa.bindparam("rules", type_=sa.Text),
        ),
        episodes.c.version > 0,
    )
    .order_by(episodes.c.episode_id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_ALL = sa.select(facts).where(facts.c.episode_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))))
_FACTS = driven(_ALL)
_OF_THE_DESK = driven(
    _ALL.where(facts.c.writer == sa.literal_column("'placement'"))
    .where(sa.text(f"type IN ({', '.join(map(repr, DESK_TYPES))})"))
    .order_by(facts.c.episode_id, facts.c.sequence)
)
_KNOWN = (
    "SELECT f.episode_id, f.writer, f.sequence, f.ce_id FROM facts AS f "
    "JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS n(episode_id, writer, sequence) "
    "ON f.episode_id = n.episode_id AND f.writer = n.writer AND f.sequence = n.sequence"
)
_PERIODS = driven(
    sa.select(periods)
    .where(periods.c.episode_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))))
    .order_by(periods.c.life)
)
_NEXT_VERSION = update(periods, ("period_id", "version", "voided", "content"))
_NOT_THERE = (
    "DELETE FROM program_stays AS s WHERE s.episode_id = ANY($1::text[]) AND NOT EXISTS (SELECT 1 FROM "
    "unnest($2::text[], $3::text[], $4::text[], $5::int[]) AS n(episode_id, kind, stay_id, nth) WHERE "
    "n.episode_id = s.episode_id AND n.kind = s.kind AND n.stay_id = s.stay_id AND n.nth = s.nth)"
)
_STAY = ("episode_id", "kind", "stay_id", "nth", "program", "since", "until", "expected")
_THERE = upsert(program_stays, _STAY, unless_same=True)
_FACT = (
    "episode_id", "writer", "sequence", "ce_id", "type", "time", "correlation_id", "causation_id", "value", "copy_of",
)  # fmt: skip
_PERIOD = (
    "period_id", "episode_id", "stay_kind", "stay_id", "root", "life", "version", "voided", "supersedes", "content",
)  # fmt: skip


async def lock(
    connection: AsyncConnection, arriving: Mapping[str, Iterable[HasFact]], tally: Tally
) -> dict[str, LockedEpisode]:
    """Lock these episodes in the order of their ids, inserting missing ones; returns their rows by id. Positions that
    the tally has to advance are advanced before. `arriving`: what comes in about each.

    Episodes that a merge joins with one of them are locked in the same order, and are the row's `kin`.
    """
    named = {pair for each in arriving.values() for pair in merges_in(one.fact for one in each)}
    if named:
        await then(connection, tally, [Read("SELECT 1", ())])
        await pair(connection, named)
    ids = sorted({*arriving, *(surviving for _, surviving in named)})
    found = await _locked(connection, ids, tally)
    if not all(episode in found for episode in ids):
        missing = [episode for episode in ids if episode not in found]
        made = [row[0] for row in await rows(connection, _INSERT_MISSING, missing)]
        if named or len(made) < len(missing):  # somebody else inserted some meanwhile, or they are kin
            return await _locked(connection, ids, tally)
        found |= {episode: LockedEpisode(episode) for episode in made}
    return found


def merges_in(facts: Iterable[Fact]) -> set[tuple[str, str]]:
    """(retired, surviving) of each merge among these facts by which records of an episode go to another one."""
    return {
        (fact.subject, fact.value.surviving_episode_id)
        for fact in facts
        if isinstance(fact.value, PatientsMerged) and fact.value.surviving_episode_id != fact.subject
    }


async def lock_known(connection: AsyncConnection, episode_ids: Iterable[str]) -> dict[str, LockedEpisode]:
    """Lock these episodes in the order of their ids, and their kin; returns the rows by id of those that were published
    before."""
    asked = sorted(episode_ids)
    found = await _locked(connection, asked, Tally())
    return {episode: row for episode in asked if (row := found.get(episode)) is not None and row.version}


async def _locked(connection: AsyncConnection, ids: Sequence[str], tally: Tally) -> dict[str, LockedEpisode]:
    """Lock those of these episodes that there are, and their kin, and read what was stated and sent of them before.

    One statement does both, so what it reads is from before the locks. Whoever writes any of that writes the episode's
    row too: what was read counts where the locked row is still the one that the statement saw.
    """
    reads = [Read(sql, (ids,)) for sql in (_LOCK, _WRITTEN_BY, _OF_THE_DESK, _PERIODS, PAIRS)]
    locked, written_by, of_the_desk, sent, pairs = await then(connection, tally, reads)
    found = _rows(locked)
    as_read = dict(written_by)
    for episode, row in found.items():
        if row.written_by == as_read.get(episode):
            row.earlier = EarlierRows([], [])
    for place, group in ((0, of_the_desk), (1, sent)):
        for each in group:
            if (rows_of := found[each[place]].earlier) is not None:
                rows_of[place].append(each)
    if pairs:
        await _know_their_kin(connection, found)
    return found


async def _know_their_kin(connection: AsyncConnection, found: dict[str, LockedEpisode]) -> None:
    """Give each row its kin, as far as these are locked: all but those of a merge that became known meanwhile, whose
    own fact brings both in step."""
    pairs = await pairs_of(connection, list(found))
    kin = Kin(found, [one for one in pairs if found.keys() >= set(one)])
    for episode in {episode for one in kin.pairs for episode in one}:
        found[episode].kin = kin


async def lock_outdated(connection: AsyncConnection, current: int, rules: str, most: int) -> dict[str, LockedEpisode]:
    """Lock up to `most` episodes with a fold version below `current` or published under another site config than
    `rules`; those that another transaction has locked are skipped. Returns their rows by id."""
    given = {"current": current, "rules": rules, "most": most}
    return _rows((await connection.execute(_OUTDATED, given)).all())


def _rows(found: Sequence[Any]) -> dict[str, LockedEpisode]:
    return {
        row[0]: LockedEpisode(
            row[0], row[1], orjson.loads(row[2]), row[3], row[4], row[5], row[6], row[7], row[8], row[9],
            tuple(orjson.loads(row[10])), row[11],
        )
        for row in found
    }  # fmt: skip


def saving(changed: Sequence[EpisodeRow]) -> list[SqlWrite]:
    """The statements that write locked episodes back."""
    return written(_SAVE, changed)


def keeping(applied: Iterable[Fact]) -> list[Append]:
    """The writes that append facts, their values as the bytes that came."""
    new = [
        (f.subject, f.writer, f.sequence, f.id, f.type, f.time, f.correlation_id, f.causation_id, f.body, f.copy_of)
        for f in applied
    ]
    return [Append(facts, _FACT, new)]


async def facts_of(connection: AsyncConnection, episode_ids: Sequence[str]) -> dict[str, list[Fact]]:
    """Episode → all its facts, in no order."""
    found: dict[str, list[Fact]] = defaultdict(list)
    if episode_ids:
        for row in await rows(connection, _FACTS, list(episode_ids)):
            found[row[0]].append(fact_of(row))
    return found


async def known(connection: AsyncConnection, places: Sequence[FactPlace], tally: Tally) -> dict[FactPlace, str]:
    """The ce_id of the fact that was applied at each of these places (episode, writer, sequence); others are absent.
    Positions that the tally has to advance are advanced before."""
    [found] = await then(connection, tally, [Read(_KNOWN, tuple(map(list, zip(*places, strict=True))))])
    return {(row[0], row[1], row[2]): row[3] for row in found}


class Earlier(NamedTuple):
    """What was stated and sent of episodes before: placement's own facts that the desk is made of, by sequence, and
    the last version of each service period, of its latest life, voided ones too."""

    of_the_desk: dict[str, list[Fact]]
    sent: dict[str, dict[PeriodKey, SentPeriod]]


async def earlier(connection: AsyncConnection, locked: Iterable[LockedEpisode]) -> Earlier:
    """What there is of these episodes: what was read with their rows, and the rest in one round trip more."""
    found = Earlier(defaultdict(list), defaultdict(dict))
    kept = list(locked)
    unread = [row for row in kept if row.earlier is None and (row.desk or row.version)]
    read = [row.earlier for row in kept if row.earlier is not None]
    if unread:
        reads = [Read(sql, ([row.episode_id for row in unread],)) for sql in (_OF_THE_DESK, _PERIODS)]
        read.append(EarlierRows(*await together(connection, reads)))
    desk = {row.episode_id for row in kept if row.desk}
    for of_the_desk, sent in read:
        for each in of_the_desk:
            if each[0] in desk:
                found.of_the_desk[each[0]].append(fact_of(each))
        for episode, key, period in map(sent_of, sent):
            found.sent[episode][key] = period
    return found


def keeping_stays(found: Mapping[str, Sequence[Presence]]) -> list[SqlWrite]:
    """The statements that replace the times at programs of these episodes. `found`: episode → its times there."""
    if not found:
        return []
    rows = [
        (episode, p.kind, p.stay_id, p.nth, p.program, p.since, p.until, p.expected)
        for episode, group in found.items()
        for p in group
    ]
    kept = list(map(list, zip(*(row[:4] for row in rows), strict=True))) or [[]] * 4
    return [SqlWrite(_NOT_THERE, (list(found), *kept)), *written(_THERE, rows)]


def keeping_periods(sent: Mapping[str, Mapping[PeriodKey, SentPeriod]], new: set[str]) -> list[SqlWrite | Append]:
    """The writes that store periods which were sent. `sent`: episode → key → its latest version; `new`: ids of those
    that are opened now."""
    flat = [(episode, key, one) for episode, by_key in sent.items() for key, one in by_key.items()]
    fresh = [
        (p.period_id, episode, *key, p.life, p.version, p.voided, p.supersedes, encode(p.content))
        for episode, key, p in flat
        if p.period_id in new
    ]
    again = [(p.period_id, p.version, p.voided, encode(p.content)) for _, _, p in flat if p.period_id not in new]
    return [Append(periods, _PERIOD, fresh), *written(_NEXT_VERSION, again)]
