"""SQL that only reads episodes, facts and periods, for the desk and for `stepdown verify`; it locks nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.programs.census import Presence
from services.placement.programs.seats import Claim
from services.placement.search.entry import ListEntry
from services.placement.tables import (
    claim_of,
    entries,
    entry_of,
    episodes,
    fact_of,
    facts,
    merges,
    periods,
    presence_of,
    program_stays,
    seats,
    sent_of,
)
from shared.facts.envelope import Fact
from shared.messaging.positions import all_positions
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.tables import parked, positions
from shared.values import value_object

Made = TypeVar("Made")
_RECORDS = {
    "facts": sa.text(
        "SELECT count(*) FROM facts AS f JOIN episodes AS e USING (episode_id) WHERE e.facilities @> ARRAY[:facility] "
        "AND convert_from(f.value, 'UTF8')::jsonb ->> 'facility' = :facility"
    ),
    "service-periods": sa.text(
        "SELECT count(*) FROM periods WHERE convert_from(content, 'UTF8')::jsonb ->> 'facility' = :facility"
    ),
    "disclosures": sa.text("SELECT count(*) FROM disclosures WHERE facility = :facility"),
}


async def records_of(connection: AsyncConnection, facility: str) -> dict[str, int]:
    """Kind → how many records of a facility's care there are."""
    given = {"facility": facility}
    return {kind: (await connection.execute(query, given)).scalar_one() for kind, query in _RECORDS.items()}


@value_object
class Listed:
    """What lists show of an episode: columns of its row."""

    episode_id: str
    patient_id: str
    facility: str
    state: str
    level: str | None
    since: datetime | None
    ineffective: int
    conflicts: int
    version: int


@value_object
class Stored:
    """One episode's row as it is stored. `lists`: the digest of its list entries; `rules`: the version of the site
    config that it was published under."""

    listed: Listed
    seen: dict[str, int]
    fold: bytes
    fold_version: int
    announced: bytes
    desk: bool
    lists: bytes
    facilities: tuple[str, ...]
    rules: str


_LISTED = [episodes.c[name] for name in Listed.__dataclass_fields__]
_STORED = sa.select(
    *_LISTED,
    sa.cast(episodes.c.seen, sa.Text),
    episodes.c.fold,
    episodes.c.fold_version,
    episodes.c.announced,
    episodes.c.desk,
    episodes.c.listed,
    episodes.c.facilities,
    episodes.c.rules,
).where(episodes.c.version > 0)
_IDS = sa.bindparam("ids", type_=sa.ARRAY(sa.Text))
_FACTS = (
    sa.select(facts)
    .where(facts.c.episode_id == sa.any_(_IDS))
    .order_by(facts.c.episode_id, facts.c.writer, facts.c.sequence)
)
_PERIODS = (
    sa.select(periods).where(periods.c.episode_id == sa.any_(_IDS)).order_by(periods.c.episode_id, periods.c.life)
)
ALL_FACTS = sa.select(facts.c.writer, facts.c.episode_id, facts.c.sequence, facts.c.ce_id).order_by(
    facts.c.episode_id, facts.c.writer, facts.c.sequence
)
OWN_FACTS = ALL_FACTS.where(facts.c.writer == "placement")
ALL_VERSIONS = sa.select(episodes.c.episode_id, episodes.c.version).where(episodes.c.version > 0)
ALL_PERIODS = sa.select(periods.c.period_id, periods.c.version, periods.c.voided)
_THERE = (
    sa.select(sa.func.count())
    .where(parked.c.consumer == positions.c.consumer, parked.c.topic == positions.c.topic)
    .correlate(positions)
    .scalar_subquery()
)
_WAITING = (
    sa.select(positions.c.consumer, sa.func.sum(positions.c.waiting).label("counted"), _THERE.label("there"))
    .where(positions.c.consumer.like("placement.%"))
    .group_by(positions.c.consumer, positions.c.topic)
)
_ONE_INSTANT = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


async def listed(
    connection: AsyncConnection,
    *,
    which: Scope,
    scope: Scope,
    after: str,
    most: int,
    state: str | None = None,
    level: str | None = None,
) -> list[Listed]:
    """Up to `most` episodes that a facility of `which` has, by id, after the id `after`.

    `state` and `level` filter by the whole episode. An episode of which `scope` covers only a part is never filtered
    out here: its state there may differ, so the caller has to filter it.
    """
    wanted = sa.select(*_LISTED).where(episodes.c.version > 0, episodes.c.episode_id > after, _had_by(which))
    partly = sa.not_(scoped.all_of(episodes.c.facilities, scope))
    if state is not None:
        wanted = wanted.where(sa.or_(partly, episodes.c.state == state))
    if level is not None:
        wanted = wanted.where(sa.or_(partly, episodes.c.level == level))
    rows = (await connection.execute(wanted.order_by(episodes.c.episode_id).limit(most))).all()
    return [Listed(*row) for row in rows]


def _had_by(which: Scope) -> sa.ColumnElement[bool]:
    """The condition that a facility in scope has the episode, in a form that uses both indexes: one for all episodes,
    one for those of several facilities."""
    several = sa.func.cardinality(episodes.c.facilities) > 1
    shared = sa.and_(several, scoped.any_of(episodes.c.facilities, which))
    return sa.or_(scoped.of(episodes.c.facility, which), shared)


async def stored(connection: AsyncConnection, episode_ids: Sequence[str]) -> list[Stored]:
    """The rows of these episodes, in the order of their ids."""
    found = _STORED.where(episodes.c.episode_id == sa.any_(_IDS)).order_by(episodes.c.episode_id)
    return [_stored(row) for row in (await connection.execute(found, {"ids": list(episode_ids)})).all()]


async def episode(connection: AsyncConnection, episode_id: str) -> Stored | None:
    """One episode's row; None where there is no such episode."""
    row = (await connection.execute(_STORED.where(episodes.c.episode_id == episode_id))).first()
    return _stored(row) if row else None


async def stored_after(connection: AsyncConnection, after: str, most: int) -> list[Stored]:
    """Up to `most` rows in the order of their ids, after the id `after`."""
    found = _STORED.where(episodes.c.episode_id > after).order_by(episodes.c.episode_id).limit(most)
    return [_stored(row) for row in (await connection.execute(found)).all()]


def _stored(row: Any) -> Stored:
    of_list = len(_LISTED)
    seen, folded, version, announced, desk, lists, facilities, rules = row[of_list:]
    listed = Listed(*row[:of_list])
    return Stored(listed, orjson.loads(seen), folded or b"", version, announced, desk, lists, tuple(facilities), rules)


async def facts_of(connection: AsyncConnection, episode_ids: Sequence[str]) -> dict[str, list[Fact]]:
    """Episode → all its facts, by writer and sequence."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for row in (await connection.execute(_FACTS, {"ids": list(episode_ids)})).all():
        found[row.episode_id].append(fact_of(row))
    return found


async def merged_into(connection: AsyncConnection, episode_ids: Sequence[str]) -> list[tuple[str, str]]:
    """(retired, surviving) of every merge that was ever seen into one of these episodes."""
    query = sa.select(merges).where(merges.c.surviving == sa.any_(_IDS)).order_by(merges.c.retired)
    return [(row.retired, row.surviving) for row in (await connection.execute(query, {"ids": list(episode_ids)})).all()]


async def periods_of(
    connection: AsyncConnection, episode_ids: Sequence[str]
) -> dict[str, list[tuple[PeriodKey, SentPeriod]]]:
    """Episode → the latest version of every service period that was ever sent for it; of one key the earlier ids
    first."""
    found: dict[str, list[tuple[PeriodKey, SentPeriod]]] = defaultdict(list)
    for row in (await connection.execute(_PERIODS, {"ids": list(episode_ids)})).all():
        episode, key, sent = sent_of(row)
        found[episode].append((key, sent))
    return found


async def claims_of_episodes(connection: AsyncConnection, episode_ids: Sequence[str]) -> dict[str, list[Claim]]:
    """Episode → its claims on seats."""
    return await _by_episode(connection, seats, episode_ids, claim_of)


async def entries_of(connection: AsyncConnection, episode_ids: Sequence[str]) -> dict[str, list[ListEntry]]:
    """Episode → its list entries."""
    return await _by_episode(connection, entries, episode_ids, entry_of)


async def presences_of(connection: AsyncConnection, episode_ids: Sequence[str]) -> dict[str, list[Presence]]:
    """Episode → its times at programs, as the census counts them."""
    return await _by_episode(connection, program_stays, episode_ids, presence_of)


async def _by_episode(
    connection: AsyncConnection, table: sa.Table, episode_ids: Sequence[str], made: Callable[[Any], Made]
) -> dict[str, list[Made]]:
    """Episode → its rows of a table, each turned into a value by `made`."""
    found: dict[str, list[Made]] = defaultdict(list)
    wanted = sa.select(table).where(table.c.episode_id == sa.any_(_IDS))
    for row in (await connection.execute(wanted, {"ids": list(episode_ids)})).all():
        found[row.episode_id].append(made(row))
    return found


async def at_one_instant(connection: AsyncConnection) -> None:
    """Let this transaction read everything as of one instant; it has to be called before any other statement."""
    await connection.execute(_ONE_INSTANT)


async def miscounted(connection: AsyncConnection) -> list[str]:
    """Positions (consumer/topic/partition) whose counts do not add up (contract 5.6)."""
    own = (one for one in await all_positions(connection) if one.consumer.startswith("placement."))
    return [f"{one.consumer}/{one.topic}/{one.partition}" for one in own if not one.adds_up]


async def parked_unlike_counted(connection: AsyncConnection) -> list[str]:
    """Names of consumers with more or fewer parked facts than their positions count as waiting."""
    rows = (await connection.execute(_WAITING)).all()
    return [row.consumer for row in rows if row.counted != row.there]
