"""SQL of messages and patients, and `load`, which reads all that a batch needs. SQL of visits and facts:
visits_store.py.

The patient's row is locked before any other row of the patient is written (tables.py has the order of locks).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.intake.hl7 import codec
from services.intake.hl7.model import AckCode, VisitMessage
from services.intake.people import store as people
from services.intake.receiving import deaths_store as deaths
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.receiving.visits_store import (
    EPISODES,
    GIVEN,
    STANDING,
    VISITS,
    fill_standing,
    known_episodes,
    put_standing,
)
from services.intake.tables import feeds, messages, refused_messages
from services.intake.visits.death_facts import KnownDeaths
from services.intake.visits.derive import Note
from services.intake.visits.reconcile import EpisodeSequences, PersonMessage, VisitRecord
from services.intake.visits.repetition import REPEATED
from shared.storage import retired
from shared.storage.database import Connection, driver_of
from shared.storage.row_writes import insert, update, upsert
from shared.storage.statements import Read, SqlWrite, rows, together, written

_LOCK = "SELECT patient_id, unsure FROM patients WHERE patient_id = ANY($1::text[]) ORDER BY patient_id FOR UPDATE"
_MARK_UNSURE = "UPDATE patients SET unsure = true WHERE patient_id = ANY($1::text[])"
_UNNAMED = (
    "SELECT patient_id, facility, message_id, arrived_at, said FROM messages WHERE patient_id = ANY($1::text[]) "
    "AND visit_id IS NULL AND note = 'waiting' AND answer = 'AA' ORDER BY message_id"
)
_MOVE = (
    "UPDATE messages AS m SET visit_id = n.visit_id, note = 'waiting', reason = 'no-visit', superseded = false "
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
_NAMED = "ARRAY(SELECT visit_id FROM visits WHERE patient_id = ANY($1::text[]) AND visit_key = ANY($2::text[]))"
_SAID = (
    "SELECT visit_id, message_id, arrived_at, said, note, reason, superseded FROM messages "
    "WHERE visit_id = ANY({visits}) AND said IS NOT NULL AND answer = 'AA' ORDER BY message_id"
)
_LEFT_OUT = f"(superseded OR COALESCE(reason, '') = '{REPEATED}')"
_REPETITIONS = _SAID.replace(" ORDER BY", f" AND {_LEFT_OUT} IS TRUE ORDER BY")
_NEWS = _SAID.replace(" ORDER BY", f" AND {_LEFT_OUT} IS FALSE ORDER BY")
"""With the expression of the index `messages_of_visit`; a `NOT` before it would be turned into `<>`, which it does not
have."""
_NOTES = update(messages, ("message_id", "note", "reason"))
_SUPERSEDED = update(messages, ("message_id", "superseded"))
_FEEDS = upsert(
    feeds, ("facility", "door", "trigger", "answer", "count", "last_at"), changes={"count": "t.count + excluded.count"}
)
_TIME = sa.text(
    "SELECT greatest(clock_timestamp(), (SELECT arrived_at FROM messages ORDER BY message_id DESC LIMIT 1))"
)

# ── patients ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def lock_patients(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Lock patients in the order of their ids; returns those who have a message that names no visit."""
    return {row["patient_id"] for row in await rows(connection, _LOCK, sorted(set(ids))) if row["unsure"]}


async def mark_unsure(connection: Connection, ids: Iterable[str]) -> None:
    """Note that these patients have a message that names no visit."""
    if marked := sorted(ids):
        await rows(connection, _MARK_UNSURE, marked)


# ── what time it is ────────────────────────────────────────────────────────────────────────────────────────────────


async def others_time(connection: Connection) -> datetime:
    """The later of the database's clock and the last message's arrival: our own clock may be slow."""
    found: datetime = (await connection.execute(_TIME)).scalar_one()
    return found


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Before(NamedTuple):
    """What is stored with a message's ids (MSH-3, MSH-4, MSH-10): the same message and its answer, and whether there is
    one with another body (`other`). `message_id` is None where the message is new.
    """

    answer: AckCode
    message_id: str | None
    other: bool


async def replies_to(connection: Connection, message_ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
    """Message id → the acknowledgements that it was answered with."""
    return {row["message_id"]: tuple(row["replies"]) for row in await rows(connection, _REPLIES, message_ids)}


class MessageRow(NamedTuple):
    """A row of `messages`; arrays are given as PostgreSQL's text of them."""

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
    """The writes of messages with their answers."""
    return written(_KEEP_MESSAGES, given)


class RefusedRow(NamedTuple):
    """A row of `refused_messages`: one that came before counts again, and the row stays as it was."""

    ids: bytes
    body: bytes
    message_id: str
    door: str
    arrived_at: datetime
    last_at: datetime
    times: int
    facility: str
    trigger: str
    control_id: str
    reason: str
    sealed: bytes


_KEEP_REFUSED = upsert(
    refused_messages,
    RefusedRow._fields,
    once=[name for name in RefusedRow._fields if name not in {"last_at", "times"}],
    changes={"last_at": "greatest(t.last_at, excluded.last_at)", "times": "t.times + excluded.times"},
)


def keep_refused(given: Iterable[RefusedRow]) -> list[SqlWrite]:
    """The writes of messages that were refused; one that is given several times is written once."""
    found: dict[tuple[bytes, bytes], RefusedRow] = {}
    for row in given:
        first = found.get((row.ids, row.body))
        found[row.ids, row.body] = row if first is None else first._replace(times=first.times + row.times)
    return written(_KEEP_REFUSED, [found[key] for key in sorted(found)])


def keep_notes(notes: Sequence[Note]) -> list[SqlWrite]:
    """The writes of what became of messages that are stored already."""
    return written(_NOTES, notes)


def keep_superseded(changed: Iterable[tuple[str, bool]]) -> list[SqlWrite]:
    """The writes of which stored messages say nothing that later ones do not say."""
    return written(_SUPERSEDED, sorted(changed))


async def unnamed_of(connection: Connection, patients: Iterable[str]) -> list[PersonMessage]:
    """The messages of patients that name no visit, are one's all the same, and are of none yet. What waits for a person
    to say which visit it is of, or is about no visit, is not among them."""
    found = [
        PersonMessage(
            row["patient_id"],
            row["facility"],
            VisitMessage(codec.decode(row["said"]), row["message_id"], row["arrived_at"]),
        )
        for row in await rows(connection, _UNNAMED, list(patients))
    ]
    return [one for one in found if one.said.adt.means.needs_visit]


async def move(connection: Connection, moved: Mapping[str, str | None]) -> None:
    """Store the visit of messages, or None; `moved` is message id → visit id."""
    if moved:
        await rows(connection, _MOVE, list(moved), list(moved.values()))


def count_feeds(counts: Mapping[tuple[str, str, str, str], int], at: datetime) -> list[SqlWrite]:
    """The writes that add counts to the feeds: (facility, door, trigger, answer) → how many messages."""
    return written(_FEEDS, [(*feed, number, at) for feed, number in sorted(counts.items())])


# ── visits, episodes, facts ───────────────────────────────────────────────────────────────────────────────────────


Numbered = tuple[str, str, str]
"""Patient, facility and visit number."""


class Loaded(NamedTuple):
    """What a batch needs to know: (ids, body) → what is stored of it; and of its patients all visits, episodes,
    persons' fields and deaths. The visits whose ids are in `filled` have their facts and their messages, but for those
    that only repeat the one before them (repetition.py), or are superseded.
    """

    before: dict[tuple[bytes, bytes], Before]
    visits: list[VisitRecord]
    filled: set[str]
    sequences: EpisodeSequences
    persons: list[people.Sealed]
    deaths: KnownDeaths
    elsewhere: frozenset[Numbered] = frozenset()
    """Those of the batch's visit numbers that another patient of the facility has, too."""
    retired: frozenset[str] = frozenset()
    """The facilities that have left."""


NOTHING = Loaded({}, [], set(), EpisodeSequences(), [], KnownDeaths())


async def load(
    connection: Connection,
    asked: Sequence[tuple[bytes, bytes]],
    patients: Sequence[str],
    keys: Sequence[str],
    numbered: Sequence[Numbered] = (),
) -> Loaded:
    """Read in one round trip what is stored of messages (`asked`: ids and body) and of patients, who are locked
    already; their visits with these `keys` get their messages, but for repeated ones, and facts.

    Locking is a statement before this one, which so sees what the transactions that were waited for have written.
    """
    before, visits, episodes, said, standing, persons, elsewhere, left, *died = await together(
        connection,
        [
            Read(_BEFORE, ([ids for ids, _ in asked], [body for _, body in asked])),
            Read(VISITS, (patients,)),
            Read(EPISODES, (patients,)),
            Read(_NEWS.format(visits=_NAMED), (patients, keys)),
            Read(STANDING.format(visits=_NAMED), (patients, keys)),
            people.sealed_of(patients),
            Read(_ELSEWHERE, tuple([each[place] for each in numbered] for place in range(3))),
            retired.READ,
            *deaths.reads(patients),
        ],
    )
    found = [VisitRecord(*row) for row in visits]
    named = {visit.visit_id: visit for visit in found if visit.key in set(keys)}
    _fill(named, said, standing)
    known = {(ids, body): Before(*rest) for ids, body, *rest in before}
    persons_kept = [people.Sealed(*row) for row in persons]
    others = frozenset((each[0], each[1], each[2]) for each in elsewhere)
    gone = frozenset(each[0] for each in left)
    return Loaded(known, found, set(named), known_episodes(episodes), persons_kept, deaths.known(*died), others, gone)


InThread = Callable[..., Awaitable[Any]]
"""Runs a function with arguments in a thread (`LongVisits.in_thread`)."""
PAGE = 500
"""Messages of long visits that are read at a time: the driver turns them into rows in the event loop."""


async def fill(connection: Connection, visits: Mapping[str, VisitRecord], in_thread: InThread | None = None) -> None:
    """Load the visits' messages with their notes, and their facts that stand; with `in_thread` page by page."""
    if not visits:
        return
    if in_thread is None:
        reads = [Read(sql.format(visits=GIVEN), (list(visits),)) for sql in (_SAID, STANDING)]
        _fill(visits, *await together(connection, reads))
        return
    async for page in said_of(connection, visits):
        await in_thread(_fill, visits, page, ())
    await fill_standing(connection, visits)


async def fill_repetitions(connection: Connection, visits: Mapping[str, VisitRecord], in_thread: InThread) -> None:
    """Load the visits' messages that `load` left out; there may be thousands."""
    async for page in said_of(connection, visits, _REPETITIONS):
        await in_thread(_fill, visits, page, ())


async def said_of(
    connection: Connection, visits: Iterable[str], sql: str = _SAID
) -> AsyncIterator[list[StoredMessage]]:
    """The visits' messages with their notes, in the order of arrival, in pages of PAGE."""
    cursor = await driver_of(connection).cursor(sql.format(visits=GIVEN), list(visits))
    while page := await cursor.fetch(PAGE):
        yield [StoredMessage(*row) for row in page]


def _fill(
    visits: Mapping[str, VisitRecord], messages: Iterable[Sequence[Any]], standing: Iterable[Sequence[Any]]
) -> None:
    """Add messages, from rows of `_SAID`, and facts to their visits."""
    for visit_id, message_id, arrived_at, said, note, reason, superseded in messages:
        visits[visit_id].messages.append(VisitMessage(codec.decode(said), message_id, arrived_at))
        visits[visit_id].notes[message_id] = (note, reason)
        if superseded:
            visits[visit_id].superseded.add(message_id)
    put_standing(visits, standing)
