"""All SQL of aftercare that only reads, for pages, the API and `stepdown verify`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from services.aftercare.decisions.own_facts import as_stored
from services.aftercare.decisions.windows import State
from services.aftercare.tables import DOCUMENT, FACT, entries, episodes, facts, follow_ups
from services.aftercare.worklists.entries import VALUES, Kind
from services.aftercare.worklists.listed import ListedEntry, ListedWindow
from services.aftercare.worklists.lists import EntriesOf
from shared.events.episodes import read_document
from shared.facts.envelope import Fact
from shared.messaging.positions import all_positions
from shared.scope import EVERYTHING, Scope
from shared.site.measures import FollowUpClock
from shared.storage import entry_marks as marks
from shared.storage import scoped
from shared.storage.database import Connection
from shared.storage.desk_tables import entry_marks
from shared.storage.own_words import among, has, word
from shared.values import replace, value_object
from shared.web.marks import EntryMark

ALL_FACTS = sa.select(sa.literal("aftercare"), facts.c.episode_id, facts.c.sequence, facts.c.ce_id).order_by(
    facts.c.episode_id, facts.c.sequence
)
ALL_TOLD = sa.select(episodes.c.episode_id, episodes.c.version).where(episodes.c.version > 0)


_OPEN_STAYS = sa.text(
    "SELECT episode_id, count(*) AS number FROM episodes, jsonb_array_elements(document -> 'stays') AS stay "
    "WHERE document IS NOT NULL AND stay ->> 'facility' = :facility AND stay ->> 'to' IS NULL GROUP BY 1 ORDER BY 1"
)
_RECORDS = {
    "facts": sa.text("SELECT count(*) FROM facts WHERE value ->> 'facility' = :facility"),
    "follow-ups": sa.text("SELECT count(*) FROM follow_ups WHERE facility = :facility"),
}


async def open_stays(connection: Connection, facility: str) -> dict[str, int]:
    """Episode → how many stays at this facility are open in it, by what care.episodes says."""
    found = (await connection.execute(_OPEN_STAYS, {"facility": facility})).all()
    return {row.episode_id: row.number for row in found}


async def records_of(connection: Connection, facility: str) -> dict[str, int]:
    """Kind → how many records of a facility's care there are."""
    given = {"facility": facility}
    return {kind: (await connection.execute(query, given)).scalar_one() for kind, query in _RECORDS.items()}


_PLACES = sa.text(
    "SELECT episode_id, ARRAY(SELECT stay ->> 'facility' FROM jsonb_array_elements(document -> 'stays') AS stay) "
    "AS places FROM episodes WHERE episode_id = ANY(CAST(:ids AS text[])) AND document IS NOT NULL"
)


class After(NamedTuple):
    """The sort key of a page's last window; the next page begins after it."""

    due_to: date
    follow_up_id: str


async def list_follow_ups(
    connection: Connection,
    *,
    state: State | None,
    scope: Scope,
    after: After | None,
    limit: int,
) -> list[ListedWindow]:
    """Up to `limit` windows in scope, sorted by their last day."""
    columns = follow_ups.c
    query = with_sequence(follow_ups).order_by(columns.due_to, columns.follow_up_id).limit(limit)
    if state is not None:
        query = query.where(columns.state == state)
    query = query.where(scoped.of(columns.facility, scope))
    if after is not None:
        query = query.where(sa.tuple_(columns.due_to, columns.follow_up_id) > sa.tuple_(*after))
    return [window_of(row) for row in (await connection.execute(query)).all()]


def with_sequence(table: sa.Table) -> sa.Select[Any]:
    """Rows of lists with their episode's sequence, and who has them."""
    joined = marked(table).join(episodes, episodes.c.episode_id == table.c.episode_id)
    return sa.select(table, episodes.c.sequence, *marks.COLUMNS).select_from(joined)


def marked(table: sa.Table) -> sa.Join:
    """A table of lists joined with the marks that count."""
    if table is follow_ups:
        so = marks.is_of(sa.literal(WINDOW), table.c.follow_up_id, table.c.state)
    else:
        so = marks.is_of(table.c.kind, table.c.id, table.c.state)
    return table.outerjoin(entry_marks, so)


def window_of(row: Any) -> ListedWindow:
    """A row of `follow_ups` with its sequence and mark."""
    *own, taken_by, taken_at, until, reason = row
    return replace(ListedWindow(*own), mark=EntryMark(taken_by, taken_at, until, reason))


WINDOW = "follow-up"
"""The kind under which follow-up windows are marked."""


class AfterEntry(NamedTuple):
    """The sort key of a page's last entry; the next page begins after it."""

    sort_at: datetime
    id: str


async def list_entries(
    connection: Connection,
    kind: Kind,
    *,
    state: str | None = None,
    episode_id: str | None = None,
    scope: Scope = EVERYTHING,
    after: AfterEntry | None = None,
    limit: int,
) -> list[ListedEntry]:
    """Up to `limit` entries of a kind in scope, sorted by when they are due."""
    columns = entries.c
    query = with_sequence(entries).where(columns.kind == kind).order_by(columns.sort_at, columns.id).limit(limit)
    if state is not None:
        query = query.where(columns.state == state)
    if episode_id is not None:
        query = query.where(columns.episode_id == episode_id)
    query = query.where(scoped.of(columns.facility, scope))
    if after is not None:
        query = query.where(sa.tuple_(columns.sort_at, columns.id) > sa.tuple_(*after))
    return [entry_of(row) for row in (await connection.execute(query)).all()]


def wanted_of(wanted: EntriesOf, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """What is so of the entries that a worklist wants."""
    columns = entries.c
    found = [columns.kind == word(wanted.kind), among(columns.state, wanted.states)]
    if wanted.has is not None:
        found.append(has(columns.value, wanted.has))
    return [*found, scoped.of(columns.facility, scope)]


async def waiting(
    connection: Connection,
    wanted: EntriesOf,
    *,
    scope: Scope,
    after: AfterEntry | None = None,
    limit: int,
) -> list[ListedEntry]:
    """Up to `limit` entries that a worklist wants, sorted by when they are due."""
    columns = entries.c
    query = with_sequence(entries).where(*wanted_of(wanted, scope)).order_by(columns.sort_at, columns.id)
    if after is not None:
        query = query.where(sa.tuple_(columns.sort_at, columns.id) > sa.tuple_(*after))
    return [entry_of(row) for row in (await connection.execute(query.limit(limit))).all()]


def entry_of(row: Any) -> ListedEntry:
    """A row of `entries` with its episode's sequence and mark. Raises msgspec's ValidationError for a value that its
    kind does not have."""
    *own, taken_by, taken_at, until, reason = row
    found = ListedEntry(*own)
    mark = EntryMark(taken_by, taken_at, until, reason)
    return replace(found, value=msgspec.convert(found.value, VALUES[found.kind]), mark=mark)


async def counted(connection: Connection, wanted: EntriesOf, *, scope: Scope, late: datetime) -> tuple[int, int]:
    """How many entries a worklist wants, and how many of them were due before `late`."""
    count = sa.func.count()
    query = sa.select(count, count.filter(entries.c.sort_at < late)).where(*wanted_of(wanted, scope))
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1])


async def counted_windows(connection: Connection, state: State, *, scope: Scope, late: date) -> tuple[int, int]:
    """How many windows are in a state, and how many of them have a last day at or before `late`."""
    count = sa.func.count()
    query = sa.select(count, count.filter(follow_ups.c.due_to <= late)).where(follow_ups.c.state == state)
    query = query.where(scoped.of(follow_ups.c.facility, scope))
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1])


async def entry(connection: Connection, kind: str, entry_id: str) -> ListedEntry | None:
    """One entry; None where there is none."""
    query = with_sequence(entries).where(entries.c.kind == kind, entries.c.id == entry_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else entry_of(row)


async def follow_up(connection: Connection, follow_up_id: str) -> ListedWindow | None:
    """One window; None where there is none."""
    query = with_sequence(follow_ups).where(follow_ups.c.follow_up_id == follow_up_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else window_of(row)


async def of_patient(connection: Connection, patient_id: str, scope: Scope) -> list[ListedEntry | ListedWindow]:
    """The windows of a patient, by their last day, then the entries of all kinds, by when they are due; in scope."""

    def mine(table: sa.Table, *order: str) -> sa.Select[Any]:
        query = with_sequence(table).where(table.c.patient_id == patient_id, scoped.of(table.c.facility, scope))
        return query.order_by(*(table.c[name] for name in order))

    windows = (await connection.execute(mine(follow_ups, "due_to", "follow_up_id"))).all()
    others = (await connection.execute(mine(entries, "sort_at", "id"))).all()
    return [*map(window_of, windows), *map(entry_of, others)]


async def facilities_of(connection: Connection, episode_id: str) -> frozenset[str] | None:
    """The facilities of an episode's stays; None where there is no such episode."""
    query = sa.select(DOCUMENT).where(episodes.c.episode_id == episode_id)
    document: str | None = (await connection.execute(query)).scalar_one_or_none()
    return None if document is None else frozenset(stay.facility for stay in read_document(document.encode()).stays)


async def shared(connection: Connection, episode_ids: Sequence[str], scope: Scope) -> frozenset[str]:
    """Those of these episodes that also have a stay out of scope."""
    if scope.facilities is None or not episode_ids:
        return frozenset()
    rows = await connection.execute(_PLACES, {"ids": list(episode_ids)})
    return frozenset(row.episode_id for row in rows.all() if not scope.has_all(row.places or ()))


async def told_within(connection: Connection, ce_ids: Sequence[str], scope: Scope) -> frozenset[str]:
    """Those of these ce_ids that are aftercare's facts of a facility in scope."""
    facility = facts.c.value["facility"].astext
    query = sa.select(facts.c.ce_id).where(facts.c.ce_id.in_(ce_ids), scoped.of(facility, scope))
    return frozenset((await connection.execute(query)).scalars())


@value_object
class MeasureCounts:
    """The windows of one facility and measure: how many are in each state, and how many are excluded for which
    reason."""

    facility: str
    measure: str
    states: Counter[State] = field(default_factory=Counter)
    excluded_by: Counter[str] = field(default_factory=Counter)


async def rates(
    connection: Connection,
    clocks: Sequence[FollowUpClock],
    *,
    first: date,
    last: date,
    scope: Scope,
) -> list[MeasureCounts]:
    """The windows of discharges from day `first` to day `last`, both inclusive, counted by facility and measure."""
    columns = follow_ups.c
    of_clock = [
        sa.and_(
            columns.measure == clock.measure,
            columns.due_from.between(first + timedelta(days=clock.first_day), last + timedelta(days=clock.first_day)),
        )
        for clock in clocks
    ]
    of = (columns.facility, columns.measure, columns.state, columns.reason)
    query = sa.select(*of, sa.func.count()).where(sa.or_(sa.false(), *of_clock))
    query = query.where(scoped.of(columns.facility, scope))
    return _counts((await connection.execute(query.group_by(*of).order_by(*of))).all())


def _counts(rows: Iterable[Any]) -> list[MeasureCounts]:
    """Adds (facility, measure, state, reason, count) up to one value for each facility and measure."""
    found: dict[tuple[str, str], MeasureCounts] = {}
    for facility, measure, state, reason, count in rows:
        counts = found.setdefault((facility, measure), MeasureCounts(facility, measure))
        counts.states[state] += count
        if state == "excluded":
            counts.excluded_by[reason] = count
    return list(found.values())


class StoredEntry(NamedTuple):
    """A row of `entries` as it is stored: the value is parsed JSON that need not have the fields of its kind."""

    id: str
    kind: Kind
    episode_id: str
    facility: str
    state: str
    sort_at: datetime
    value: object


async def entries_of(connection: Connection, ids: Sequence[str]) -> list[StoredEntry]:
    """The rows of these episodes' list entries."""
    columns = (entries.c[name] for name in StoredEntry._fields)
    rows = await connection.execute(sa.select(*columns).where(entries.c.episode_id.in_(ids)))
    return [StoredEntry(*row) for row in rows.all()]


class StoredEpisode(NamedTuple):
    """A row of `episodes`. `document`: the last one of care.episodes as parsed JSON, None before there is one;
    `sequence`: how many facts aftercare has stated; `site_version`: of the site config they were decided by."""

    episode_id: str
    sequence: int
    document: Mapping[str, Any] | None
    site_version: str


async def episodes_after(connection: Connection, episode_id: str, limit: int) -> list[StoredEpisode]:
    """Up to `limit` episodes with ids greater than `episode_id`, in the order of their ids."""
    columns = (episodes.c[name] for name in StoredEpisode._fields)
    query = sa.select(*columns).where(episodes.c.episode_id > episode_id).order_by(episodes.c.episode_id).limit(limit)
    return [StoredEpisode(*row) for row in (await connection.execute(query)).all()]


class KeptFact(NamedTuple):
    """A fact that aftercare stated, and whether it still stands."""

    fact: Fact
    stands: bool


async def facts_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[KeptFact]]:
    """Every fact that aftercare stated in these episodes, in the order of the sequences; every id is a key."""
    query = sa.select(*FACT, facts.c.stands).where(facts.c.episode_id.in_(ids))
    found: dict[str, list[KeptFact]] = {each: [] for each in ids}
    for row in (await connection.execute(query.order_by(facts.c.episode_id, facts.c.sequence))).all():
        fact = as_stored(row[:6])
        found[row.episode_id].append(KeptFact(fact, row.stands))
    return found


async def windows_of(connection: Connection, ids: Sequence[str]) -> list[ListedWindow]:
    """The rows of these episodes' follow-up windows."""
    query = with_sequence(follow_ups).where(follow_ups.c.episode_id.in_(ids))
    return [window_of(row) for row in (await connection.execute(query)).all()]


async def miscounted(connection: Connection) -> list[str]:
    """The positions of which the counts do not add up to the records received (contract 5.6), as
    `consumer/partition`."""
    return [f"{one.consumer}/{one.partition}" for one in await all_positions(connection) if not one.adds_up]
