"""All SQL that intake writes with, and what its writing needs to read; bulk statements, one for a batch.

Rows are written under the lock of their patient's row (tables.py has the order of locks).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from services.intake.hl7 import codec
from services.intake.hl7.model import AckCode, VisitMessage
from services.intake.people import store as people
from services.intake.receiving import deaths_store as deaths
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.tables import episodes, facts, feeds, messages, told_episodes, visits
from services.intake.visits.death_facts import Deaths, Known
from services.intake.visits.derive import ActiveFact, DesiredFact, KnownEpisode, Note
from services.intake.visits.reconcile import EpisodeSequences, NewFact, Stray, VisitChanges, VisitRecord, joined
from shared.facts.envelope import Fact
from shared.storage.database import Connection, driver_of
from shared.storage.row_writes import insert, update, upsert
from shared.storage.statements import Read, SqlWrite, array, rows, together, written

_LOCK = "SELECT patient_id, unsure FROM patients WHERE patient_id = ANY($1::text[]) ORDER BY patient_id FOR UPDATE"
_DOUBT = "UPDATE patients SET unsure = true WHERE patient_id = ANY($1::text[])"
_STRAYS = (
    "SELECT patient_id, facility, message_id, arrived_at, said FROM messages WHERE patient_id = ANY($1::text[]) "
    "AND visit_id IS NULL AND note = 'waiting' AND answer = 'AA' ORDER BY message_id"
)
_MOVE = (
    "UPDATE messages AS m SET visit_id = n.visit_id, note = 'waiting', reason = 'no-visit' "
    "FROM unnest($1::text[], $2::text[]) AS n(message_id, visit_id) WHERE m.message_id = n.message_id"
)
_BEFORE = (
    "SELECT n.ids, n.body, m.answer, m.message_id, "
    "EXISTS (SELECT 1 FROM messages AS o WHERE o.ids = n.ids AND o.body <> n.body) AS other "
    "FROM unnest($1::bytea[], $2::bytea[]) AS n(ids, body) "
    "LEFT JOIN messages AS m ON m.ids = n.ids AND m.body = n.body"
)
_ELSEWHERE = (
    "SELECT n.patient_id, n.facility, n.key FROM unnest($1::text[], $2::text[], $3::text[]) AS n(patient_id, facility, "
    "key) WHERE EXISTS (SELECT 1 FROM visits AS v WHERE v.facility = n.facility AND v.visit_key = n.key "
    "AND v.patient_id <> n.patient_id)"
)
_REPLIES = "SELECT message_id, replies FROM messages WHERE message_id = ANY($1::text[])"
_VISITS = (
    "SELECT visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at FROM visits "
    "WHERE patient_id = ANY($1::text[])"
)
_EPISODES = (
    "SELECT e.episode_id, e.patient_id, e.sequence, t.state, t.begun_at, t.ended_at, "
    "(SELECT min(f.occurred_at) FROM facts AS f WHERE f.episode_id = e.episode_id AND f.standing "
    "AND f.visit_id IS NULL AND f.type IN ('referred', 'assessed')) AS asked_at FROM episodes AS e "
    "LEFT JOIN told_episodes AS t USING (episode_id) WHERE e.patient_id = ANY($1::text[])"
)
_GIVEN = "$1::text[]"
_NAMED = "ARRAY(SELECT visit_id FROM visits WHERE patient_id = ANY($1::text[]) AND visit_key = ANY($2::text[]))"
_SAID = (
    "SELECT visit_id, message_id, arrived_at, said, note, reason FROM messages "
    "WHERE visit_id = ANY({visits}) AND said IS NOT NULL AND answer = 'AA' ORDER BY message_id"
)
_STANDING = (
    "SELECT visit_id, ce_id, to_json(key)::text AS key, type, stay_id, occurred_at, value, message_id FROM facts "
    "WHERE visit_id = ANY({visits}) AND standing"
)
_FALL = "UPDATE facts SET standing = false WHERE ce_id = ANY($1::text[])"
_NOTES = update(messages, ("message_id", "note", "reason"))
_FEEDS = upsert(
    feeds, ("facility", "door", "trigger", "answer", "count", "last_at"), changes={"count": "t.count + excluded.count"}
)
_TIME = sa.text(
    "SELECT greatest(clock_timestamp(), (SELECT arrived_at FROM messages ORDER BY message_id DESC LIMIT 1))"
)
_OTHER_MAPPING = sa.text("SELECT patient_id FROM visits WHERE mapping <> :mapping ORDER BY visit_id LIMIT :page")

# ── patients ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def lock_patients(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Lock patients in the order of their ids; returns those of whom any message names no visit."""
    return {row["patient_id"] for row in await rows(connection, _LOCK, sorted(set(ids))) if row["unsure"]}


async def doubt(connection: Connection, ids: Iterable[str]) -> None:
    """From now on there are messages of these patients that name no visit."""
    if doubted := sorted(ids):
        await rows(connection, _DOUBT, doubted)


# ── what time it is ────────────────────────────────────────────────────────────────────────────────────────────────


async def others_time(connection: Connection) -> datetime:
    """What time it is at least, by others than our own clock: the database's, and the last message's arrival."""
    found: datetime = (await connection.execute(_TIME)).scalar_one()
    return found


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Before(NamedTuple):
    """What is known of a message's ids: the very same one and its answer, and whether another one has them.

    Of a message that is news there is no message_id.
    """

    answer: AckCode
    message_id: str | None
    other: bool


async def replies_to(connection: Connection, message_ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
    """Message → what it was answered."""
    return {row["message_id"]: tuple(row["replies"]) for row in await rows(connection, _REPLIES, message_ids)}


class MessageRow(NamedTuple):
    """A row of `messages`; arrays are their text."""

    message_id: str
    ids: bytes
    body: bytes
    door: str
    arrived_at: datetime
    facility: str
    trigger: str
    control_id: str
    charset: str
    answer: AckCode
    replies: str
    note: str
    reason: str | None
    warnings: str
    patient_id: str | None
    visit_id: str | None
    said: bytes | None
    sealed: bytes


_KEEP_MESSAGES = insert(messages, MessageRow._fields)


def keep_messages(given: Sequence[MessageRow]) -> list[SqlWrite]:
    """Store messages with their answers."""
    return written(_KEEP_MESSAGES, given)


def keep_notes(notes: Sequence[Note]) -> list[SqlWrite]:
    """What became of messages that were stored before."""
    return written(_NOTES, notes)


async def strays_of(connection: Connection, patients: Iterable[str]) -> list[Stray]:
    """The messages of patients that name no visit and have none yet."""
    return [
        Stray(
            row["patient_id"],
            row["facility"],
            VisitMessage(codec.decode(row["said"]), row["message_id"], row["arrived_at"]),
        )
        for row in await rows(connection, _STRAYS, list(patients))
    ]


async def move(connection: Connection, moved: Mapping[str, str | None]) -> None:
    """Message → the visit that it is of now, or none."""
    if moved:
        await rows(connection, _MOVE, list(moved), list(moved.values()))


def count_feeds(counts: Mapping[tuple[str, str, str, str], int], at: datetime) -> list[SqlWrite]:
    """(facility, door, trigger, answer) → how many."""
    return written(_FEEDS, [(*feed, number, at) for feed, number in sorted(counts.items())])


# ── visits, episodes, facts ───────────────────────────────────────────────────────────────────────────────────────


Numbered = tuple[str, str, str]
"""Patient, facility and visit number."""


class Loaded(NamedTuple):
    """What a batch needs to know: (ids, body) → what came before; and of its patients all visits, episodes, persons.

    The visits in `filled` have their messages and their facts.
    """

    before: dict[tuple[bytes, bytes], Before]
    visits: list[VisitRecord]
    filled: set[str]
    ledger: EpisodeSequences
    persons: list[people.Sealed]
    deaths: Known
    elsewhere: frozenset[Numbered] = frozenset()
    """Of the numbered visits of the batch those whose number another patient of the facility has."""


NOTHING = Loaded({}, [], set(), EpisodeSequences(), [], Known())


async def load(
    connection: Connection,
    asked: Sequence[tuple[bytes, bytes]],
    patients: Sequence[str],
    keys: Sequence[str],
    numbered: Sequence[Numbered] = (),
) -> Loaded:
    """In one round trip: what came before messages (ids, body), and these patients, their visits of these keys filled.

    The patients are locked by an earlier statement: what was waited for shows only to the next one.
    """
    before, visits, episodes, said, standing, persons, elsewhere, *died = await together(
        connection,
        [
            Read(_BEFORE, ([ids for ids, _ in asked], [body for _, body in asked])),
            Read(_VISITS, (patients,)),
            Read(_EPISODES, (patients,)),
            Read(_SAID.format(visits=_NAMED), (patients, keys)),
            Read(_STANDING.format(visits=_NAMED), (patients, keys)),
            people.sealed_of(patients),
            Read(_ELSEWHERE, tuple([each[place] for each in numbered] for place in range(3))),
            *deaths.reads(patients),
        ],
    )
    found = [VisitRecord(*row) for row in visits]
    named = {visit.visit_id: visit for visit in found if visit.key in set(keys)}
    _fill(named, said, standing)
    known = {(ids, body): Before(*rest) for ids, body, *rest in before}
    persons_kept = [people.Sealed(*row) for row in persons]
    others = frozenset((each[0], each[1], each[2]) for each in elsewhere)
    return Loaded(known, found, set(named), _ledger(episodes), persons_kept, deaths.known(*died), others)


async def visits_of(connection: Connection, patients: Iterable[str]) -> list[VisitRecord]:
    """All visits of patients, without messages and facts."""
    return [VisitRecord(*row) for row in await rows(connection, _VISITS, list(patients))]


async def ledger_of(connection: Connection, patients: Iterable[str]) -> EpisodeSequences:
    """The episodes of patients: sequences, what our own requests began, and what care.episodes told that visits don't.

    A request counts until care.episodes says what became of it.
    """
    return _ledger(await rows(connection, _EPISODES, list(patients)))


def _ledger(episodes: Iterable[Sequence[Any]]) -> EpisodeSequences:
    found = EpisodeSequences()
    for episode, patient, sequence, state, begun, ended, asked in episodes:
        found.sequences[episode], found.owners[episode] = sequence, patient
        if state == "referred" or (state is None and asked is not None):
            found.asked.add(episode)
            found.known[patient][episode] = KnownEpisode(episode, None, asked)
        elif begun is not None:
            found.known[patient][episode] = joined(None, KnownEpisode(episode, ended, begun))
    return found


Aside = Callable[..., Awaitable[Any]]
PAGE = 500
"""Messages of long visits that are read at a time: the driver turns them into rows in the event loop."""


async def fill(connection: Connection, visits: Mapping[str, VisitRecord], aside: Aside | None = None) -> None:
    """Load the visits' messages with their notes, and the facts of them that stand; given `aside`, a page at a time."""
    if not visits:
        return
    if aside is None:
        reads = [Read(sql.format(visits=_GIVEN), (list(visits),)) for sql in (_SAID, _STANDING)]
        _fill(visits, *await together(connection, reads))
        return
    async for page in said_of(connection, visits):
        await aside(_fill, visits, page, ())
    await fill_standing(connection, visits)


async def said_of(connection: Connection, visits: Iterable[str]) -> AsyncIterator[list[StoredMessage]]:
    """The visits' messages with their notes, in the order they came, a page at a time."""
    cursor = await driver_of(connection).cursor(_SAID.format(visits=_GIVEN), list(visits))
    while page := await cursor.fetch(PAGE):
        yield [StoredMessage(*row) for row in page]


async def fill_standing(connection: Connection, visits: Mapping[str, VisitRecord]) -> None:
    """Load the facts of the visits that stand."""
    _fill(visits, (), await rows(connection, _STANDING.format(visits=_GIVEN), list(visits)))


def _fill(
    visits: Mapping[str, VisitRecord], messages: Iterable[Sequence[Any]], standing: Iterable[Sequence[Any]]
) -> None:
    for visit_id, message_id, arrived_at, said, note, reason in messages:
        visits[visit_id].messages.append(VisitMessage(codec.decode(said), message_id, arrived_at))
        visits[visit_id].notes[message_id] = (note, reason)
    for visit_id, ce_id, key, kind, stay_id, at, value, message_id in standing:
        wanted = DesiredFact(tuple(orjson.loads(key)), kind, at, orjson.loads(value), stay_id, None, message_id)
        visits[visit_id].standing[wanted.key] = ActiveFact(ce_id, wanted)


class VisitRow(NamedTuple):
    """A row of `visits`; `unmapped` is the text of an array."""

    visit_id: str
    patient_id: str
    facility: str
    visit_key: str
    episode_id: str | None
    begun_at: datetime | None
    ended_at: datetime | None
    unmapped: str
    mapping: str


class FactRow(NamedTuple):
    """A row of `facts`; `key` is the text of an array."""

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


_KEEP_VISITS = upsert(visits, VisitRow._fields, once=("patient_id", "facility", "visit_key"))
_KEEP_EPISODES = upsert(episodes, ("episode_id", "patient_id", "sequence"), once=("patient_id",))
_KEEP_FACTS = insert(facts, FactRow._fields)


def keep_settled(
    settled: Sequence[VisitChanges], died: Deaths, ledger: EpisodeSequences, mapping: str
) -> list[SqlWrite]:
    """Visits as they were settled, what was told of deaths, and the episodes and facts of both."""
    found = deaths.keep(died.records)
    found += written(_KEEP_VISITS, [_visit_row(each.visit, mapping) for each in settled])
    stated = [_fact_row(each.visit.visit_id, one) for each in settled for one in each.stated]
    stated += [_fact_row(None, one) for one in died.stated]
    if stated:
        touched = sorted({row.episode_id for row in stated})
        episodes = [(episode, ledger.owners[episode], ledger.sequences[episode]) for episode in touched]
        found += [*written(_KEEP_EPISODES, episodes), *written(_KEEP_FACTS, stated)]
    if fallen := [*(ce_id for each in settled for ce_id in each.fallen), *died.fallen]:
        found.append(SqlWrite(_FALL, (fallen,)))
    return found


def _visit_row(visit: VisitRecord, mapping: str) -> VisitRow:
    place = (visit.visit_id, visit.patient_id, visit.facility, visit.key)
    return VisitRow(*place, visit.episode_id, visit.begun_at, visit.ended_at, array(visit.unmapped), mapping)


def _fact_row(visit_id: str | None, stated: NewFact) -> FactRow:
    fact, wanted = stated
    place = (fact.id, fact.subject, fact.sequence, visit_id)
    if wanted is None:
        key, at = array(("fact-cancelled", fact.value["cancels"])), datetime.fromisoformat(fact.value["occurred_at"])
        stay = (fact.value.get("stay") or {}).get("id")
        return FactRow(*place, key, "fact-cancelled", stay, at, b"{}", fact.causation_id or "", False)
    value, stay_id = orjson.dumps(wanted.value), wanted.stay_id or None
    return FactRow(*place, array(wanted.key), wanted.type, stay_id, wanted.occurred_at, value, wanted.said_by, True)


def keep_stated(stated: Iterable[tuple[Fact, str]], owners: Mapping[str, str]) -> list[SqlWrite]:
    """(fact, who said it): facts of no visit, in their order, and the sequences of their episodes, whose `owners` are
    patients."""
    facts_kept, last = [], dict[str, int]()
    for fact, by in stated:
        key, at = array((fact.name, fact.id)), datetime.fromisoformat(fact.value["occurred_at"])
        place = (fact.id, fact.subject, fact.sequence, None)
        facts_kept.append(FactRow(*place, key, fact.name, None, at, orjson.dumps(fact.value), by, True))
        last[fact.subject] = fact.sequence
    episodes_kept = [(episode, owners[episode], sequence) for episode, sequence in sorted(last.items())]
    return [*written(_KEEP_EPISODES, episodes_kept), *written(_KEEP_FACTS, facts_kept)]


async def patients_of_another_mapping(connection: Connection, mapping: str, page: int) -> list[str]:
    """Patients with visits whose facts were derived with another version of the site config."""
    return list((await connection.execute(_OTHER_MAPPING, {"mapping": mapping, "page": page})).scalars())


# ── what care.episodes tells ──────────────────────────────────────────────────────────────────────────────────────


class EpisodeVersion(NamedTuple):
    """An episode as care.episodes has it: its state, and its program stays' first beginning and last end.

    `ended_at` is None while one of them is open. Visits are left out: what is so of them intake knows first.
    `seen`: the sequence of the last of intake's own facts that placement has; its gate does not go by older ones then.
    """

    episode_id: str
    version: int
    state: str
    begun_at: datetime | None
    ended_at: datetime | None
    seen: int = 0
    facilities: tuple[str, ...] = ()


_TOLD = upsert(told_episodes, EpisodeVersion._fields).sql + " WHERE t.version < excluded.version RETURNING episode_id"


async def keep_told(connection: Connection, told: Sequence[EpisodeVersion]) -> set[str]:
    """Keep what is newer than what is kept; the ids of those."""
    given = [(*each[:-1], array(each.facilities)) for each in sorted(told, key=lambda one: one.episode_id)]
    return {row["episode_id"] for row in await rows(connection, _TOLD, *map(list, zip(*given, strict=True)))}
