"""SQL of visits, episodes and the facts that intake stated.

The patient's row is locked before any other row of the patient is written (tables.py has the order of locks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from services.intake.receiving import deaths_store as deaths
from services.intake.tables import episodes, facts, told_episodes, visits
from services.intake.visits.death_facts import DeathChanges
from services.intake.visits.derive import ActiveFact, FactKey, KnownEpisode
from services.intake.visits.desired import own_fields, read_back, stay_heading
from services.intake.visits.reconcile import EpisodeSequences, VisitChanges, VisitRecord, joined
from shared.events import Stay
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.storage.database import Connection
from shared.storage.row_writes import insert, upsert
from shared.storage.statements import SqlWrite, array, rows, written

VISITS = (
    "SELECT visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at, said_at, held, quiet_until, "
    "record_number FROM visits WHERE patient_id = ANY($1::text[])"
)
EPISODES = (
    "SELECT e.episode_id, e.patient_id, e.sequence, t.state, t.begun_at, t.ended_at, "
    "(SELECT min(f.occurred_at) FROM facts AS f WHERE f.episode_id = e.episode_id AND f.standing "
    "AND f.visit_id IS NULL AND f.type IN ('referred', 'assessed')) AS asked_at, "
    "(SELECT max((convert_from(f.value, 'UTF8')::jsonb ->> 'at')::timestamptz) FROM facts AS f "
    "WHERE f.episode_id = e.episode_id AND f.standing AND f.type = 'arrival-expected') AS expected_at "
    "FROM episodes AS e "
    "LEFT JOIN told_episodes AS t USING (episode_id) WHERE e.patient_id = ANY($1::text[])"
)
STANDING = (
    "SELECT visit_id, ce_id, to_json(key)::text AS key, type, stay_id, occurred_at, value FROM facts "
    "WHERE visit_id = ANY({visits}) AND standing AND copy_of IS NULL"
)
FALL = "UPDATE facts SET standing = false WHERE ce_id = ANY($1::text[])"
_OTHER_MAPPING = "SELECT patient_id FROM visits WHERE mapping <> $1 ORDER BY visit_id LIMIT $2"
GIVEN = "$1::text[]"
"""What to put for `{visits}` in `STANDING`, to give visits by their ids."""

# ── what is known ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def visits_of(connection: Connection, patients: Iterable[str]) -> list[VisitRecord]:
    """All visits of patients, without messages and facts."""
    return [VisitRecord(*row) for row in await rows(connection, VISITS, list(patients))]


async def sequences_of(connection: Connection, patients: Iterable[str]) -> EpisodeSequences:
    """What is known of the episodes of patients, without what their visits say (`EpisodeSequences.learn` adds that).

    An episode that a referral or assessment began counts as open until care.episodes says what became of it.
    """
    return known_episodes(await rows(connection, EPISODES, list(patients)))


def known_episodes(episodes: Iterable[Sequence[Any]]) -> EpisodeSequences:
    """What is known of episodes, from rows of `EPISODES`."""
    found = EpisodeSequences()
    for episode, patient, sequence, state, begun, ended, asked, expected in episodes:
        found.last[episode], found.owners[episode] = sequence, patient
        if state == "referred" or (state is None and asked is not None):
            found.asked.add(episode)
            found.known[patient][episode] = KnownEpisode(episode, None, asked)
        elif begun is not None:
            found.known[patient][episode] = joined(None, KnownEpisode(episode, ended, begun))
        elif expected is not None:
            found.expect(patient, episode, expected)
    return found


async def fill_standing(connection: Connection, visits: Mapping[str, VisitRecord]) -> None:
    """Load the facts of these visits that stand."""
    put_standing(visits, await rows(connection, STANDING.format(visits=GIVEN), list(visits)))


def put_standing(visits: Mapping[str, VisitRecord], standing: Iterable[Sequence[Any]]) -> None:
    """Add facts, from rows of `STANDING`, to their visits."""
    for visit_id, ce_id, key, kind, stay_id, at, own in standing:
        value = read_back(kind, own, stay_heading(at, Stay(kind="visit", id=stay_id)))
        visits[visit_id].standing[tuple(orjson.loads(key))] = ActiveFact(ce_id, kind, value)


async def patients_of_another_mapping(connection: Connection, mapping: str, page: int) -> list[str]:
    """The patients of at most `page` visits that were derived by another version (`mapping_of`)."""
    return [row["patient_id"] for row in await rows(connection, _OTHER_MAPPING, mapping, page)]


# ── what is written ───────────────────────────────────────────────────────────────────────────────────────────────────


class VisitRow(NamedTuple):
    """A row of `visits`; `unmapped` and `record_number` are PostgreSQL's text of an array."""

    visit_id: str
    patient_id: str
    facility: str
    visit_key: str
    episode_id: str | None
    begun_at: datetime | None
    ended_at: datetime | None
    said_at: datetime | None
    held: bool
    unmapped: str
    mapping: str
    quiet_until: datetime | None = None
    record_number: str | None = None
    open_as: str | None = None
    last_message: str | None = None


class FactRow(NamedTuple):
    """A row of `facts`; `key` is PostgreSQL's text of an array."""

    ce_id: str
    episode_id: str
    sequence: int
    visit_id: str | None
    key: str
    type: str
    stay_id: str | None
    occurred_at: datetime
    value: bytes
    message_id: str
    standing: bool


_LATER = {"last_message": "GREATEST(t.last_message, excluded.last_message)"}
"""Messages that say nothing new need not be here while a visit is derived."""
_KEEP_VISITS = upsert(visits, VisitRow._fields, once=("patient_id", "facility", "visit_key"), changes=_LATER)
_KEEP_EPISODES = upsert(episodes, ("episode_id", "patient_id", "sequence"), once=("patient_id",))
_KEEP_FACTS = insert(facts, FactRow._fields)


def keep_changes(
    changes: Sequence[VisitChanges],
    died: DeathChanges,
    sequences: EpisodeSequences,
    mapping: str,
    also: Iterable[str] = (),
) -> list[SqlWrite]:
    """The writes of changed visits, of what was told of deaths, and of the facts and episode sequences of both; `also`:
    other episodes whose sequences went on."""
    found = deaths.keep(died.records)
    found += written(_KEEP_VISITS, [_visit_row(each.visit, mapping) for each in changes])
    stated = [_fact_row(each.visit.visit_id, *one) for each in changes for one in each.stated]
    stated += [_fact_row(None, *one) for one in died.stated]
    if stated or also:
        touched = sorted({*(row.episode_id for row in stated), *also})
        episodes = [(episode, sequences.owners[episode], sequences.last[episode]) for episode in touched]
        found += [*written(_KEEP_EPISODES, episodes), *written(_KEEP_FACTS, stated)]
    if fallen := [*(ce_id for each in changes for ce_id in each.fallen), *died.fallen]:
        found.append(SqlWrite(FALL, (fallen,)))
    return found


def _visit_row(visit: VisitRecord, mapping: str) -> VisitRow:
    place = (visit.visit_id, visit.patient_id, visit.facility, visit.key, visit.episode_id)
    times = (visit.begun_at, visit.ended_at, visit.said_at)
    number = array(visit.record_number) if visit.record_number is not None else None
    held, unmapped, quiet = visit.held, array(visit.unmapped), visit.quiet_until
    return VisitRow(*place, *times, held, unmapped, mapping, quiet, number, visit.open_as, visit.last_message)


def _fact_row(visit_id: str | None, key: FactKey, fact: Fact) -> FactRow:
    """A fact as a row; a cancel does not stand, and is stored without its fields."""
    value = fact.value
    stands = not isinstance(value, FactCancelled)
    own, stay_id = own_fields(fact.body) if stands else b"{}", value.stay.id if value.stay else None
    return FactRow(
        fact.id, fact.subject, fact.sequence, visit_id, array(key), value.TYPE, stay_id, value.occurred_at, own,
        fact.causation_id or "", stands,
    )  # fmt: skip


def keep_stated(
    stated: Iterable[tuple[Fact, str]], owners: Mapping[str, str], root: str | None = None
) -> list[SqlWrite]:
    """The writes of facts of no visit, each as (fact, id of the request or consent that says it), and of their
    episodes' sequences; `owners` is episode → patient. `root`: the ce_id of the first statement of one that is stated
    anew: by it a copy of it elsewhere is restated, too."""
    facts_kept, last = [], dict[str, int]()
    for fact, by in stated:
        row = _fact_row(None, (fact.name, root or fact.id), fact)
        facts_kept.append(row._replace(stay_id=None, value=fact.body, message_id=by))
        last[fact.subject] = fact.sequence
    episodes_kept = [(episode, owners[episode], sequence) for episode, sequence in sorted(last.items())]
    return [*written(_KEEP_EPISODES, episodes_kept), *written(_KEEP_FACTS, facts_kept)]


# ── what care.episodes says ───────────────────────────────────────────────────────────────────────────────────────────


class EpisodeVersion(NamedTuple):
    """What care.episodes says of an episode: its state, and its program stays' first beginning and last end.

    `ended_at` is None while one of them is open. Visits are left out: intake itself knows them first. `seen` is the
    sequence of the last of intake's facts that placement has, its gate included.
    """

    episode_id: str
    version: int
    state: str
    begun_at: datetime | None
    ended_at: datetime | None
    seen: int = 0
    facilities: tuple[str, ...] = ()


_WAS = "CASE WHEN excluded.state = 'closed' AND excluded.begun_at IS NULL THEN t.{0} ELSE excluded.{0} END"
"""A time of an episode whose stays went to another one by a merge: as it was before, since merges go by it."""
_CHANGES = {name: _WAS.format(name) for name in ("begun_at", "ended_at")}
_TOLD = (
    upsert(told_episodes, EpisodeVersion._fields, changes=_CHANGES).sql
    + " WHERE t.version < excluded.version RETURNING episode_id"
)


async def keep_told(connection: Connection, told: Sequence[EpisodeVersion]) -> set[str]:
    """Store episodes whose version is newer than the stored one; returns their ids."""
    given = [(*each[:-1], array(each.facilities)) for each in sorted(told, key=lambda one: one.episode_id)]
    return {row["episode_id"] for row in await rows(connection, _TOLD, *map(list, zip(*given, strict=True)))}
