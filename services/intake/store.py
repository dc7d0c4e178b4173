"""All SQL that intake writes with, and what its writing needs to read; bulk statements, one for a batch.

Rows are written under the lock of their patient's row (tables.py has the order of locks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from services.intake import kept
from services.intake.domain import KnownEpisode, Note, Standing, Wanted
from services.intake.model import AckCode, Said
from services.intake.settling import Ledger, OnFile, Settled, Stated, joined
from services.intake.tables import facts, messages
from shared.db import Connection, copy_rows

_OWNERS = sa.text("SELECT key, patient_id FROM patient_identifiers WHERE key = ANY(CAST(:keys AS bytea[]))")
_IDENTIFIERS = sa.text(
    "INSERT INTO patient_identifiers (key, patient_id, sealed) "
    "SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:patients AS text[]), CAST(:sealed AS bytea[])) "
    "AS n(key, patient_id, sealed) ORDER BY key ON CONFLICT DO NOTHING"
)
_PATIENTS = sa.text(
    "INSERT INTO patients (patient_id) SELECT id FROM unnest(CAST(:ids AS text[])) AS n(id) ORDER BY id "
    "ON CONFLICT DO NOTHING"
)
_LOCK = sa.text(
    "SELECT patient_id FROM patients WHERE patient_id = ANY(CAST(:ids AS text[])) ORDER BY patient_id FOR UPDATE"
)
_BEFORE = sa.text(
    "SELECT n.ids, n.body, m.replies, m.answer, m.message_id, "
    "EXISTS (SELECT 1 FROM messages AS o WHERE o.ids = n.ids AND o.body <> n.body) AS other "
    "FROM unnest(CAST(:ids AS bytea[]), CAST(:bodies AS bytea[])) AS n(ids, body) "
    "LEFT JOIN messages AS m ON m.ids = n.ids AND m.body = n.body"
)
_VISITS = sa.text(
    "SELECT visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at FROM visits "
    "WHERE patient_id = ANY(CAST(:patients AS text[]))"
)
_EPISODES = sa.text(
    "SELECT e.episode_id, e.patient_id, e.sequence, t.state, t.begun_at, t.ended_at, "
    "(SELECT min(f.occurred_at) FROM facts AS f WHERE f.episode_id = e.episode_id AND f.standing "
    "AND f.visit_id IS NULL) AS asked_at FROM episodes AS e "
    "LEFT JOIN told_episodes AS t USING (episode_id) WHERE e.patient_id = ANY(CAST(:patients AS text[]))"
)
_SAID = sa.text(
    "SELECT visit_id, message_id, arrived_at, said, note, reason FROM messages "
    "WHERE visit_id = ANY(CAST(:visits AS text[])) AND said IS NOT NULL AND answer = 'AA' ORDER BY message_id"
)
_STANDING = sa.text(
    "SELECT visit_id, ce_id, key, type, stay_id, occurred_at, value, message_id FROM facts "
    "WHERE visit_id = ANY(CAST(:visits AS text[])) AND standing"
)
_KEEP_VISITS = sa.text(
    "INSERT INTO visits (visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at, mapping) "
    "SELECT n.*, :mapping FROM unnest(CAST(:visits AS text[]), CAST(:patients AS text[]), "
    "CAST(:facilities AS text[]), CAST(:keys AS text[]), CAST(:episodes AS text[]), CAST(:begun AS timestamptz[]), "
    "CAST(:ended AS timestamptz[])) AS n(visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at) "
    "ON CONFLICT (visit_id) DO UPDATE SET episode_id = excluded.episode_id, begun_at = excluded.begun_at, "
    "ended_at = excluded.ended_at, mapping = excluded.mapping"
)
_KEEP_EPISODES = sa.text(
    "INSERT INTO episodes (episode_id, patient_id, sequence) SELECT * FROM unnest(CAST(:episodes AS text[]), "
    "CAST(:patients AS text[]), CAST(:sequences AS bigint[])) AS n(episode_id, patient_id, sequence) "
    "ON CONFLICT (episode_id) DO UPDATE SET sequence = excluded.sequence"
)
_FALL = sa.text("UPDATE facts SET standing = false WHERE ce_id = ANY(CAST(:ids AS text[]))")
_NOTES = sa.text(
    "UPDATE messages AS m SET note = n.note, reason = n.reason FROM unnest(CAST(:ids AS text[]), "
    "CAST(:notes AS text[]), CAST(:reasons AS text[])) AS n(message_id, note, reason) "
    "WHERE m.message_id = n.message_id"
)
_FEEDS = sa.text(
    "INSERT INTO feeds AS f (facility, door, trigger, answer, count, last_at) "
    "SELECT n.*, :at FROM unnest(CAST(:facilities AS text[]), CAST(:doors AS text[]), CAST(:triggers AS text[]), "
    "CAST(:answers AS text[]), CAST(:counts AS bigint[])) AS n(facility, door, trigger, answer, count) "
    "ORDER BY 1, 2, 3, 4 ON CONFLICT (facility, door, trigger, answer) "
    "DO UPDATE SET count = f.count + excluded.count, last_at = excluded.last_at"
)
_TOLD = sa.text(
    "INSERT INTO told_episodes AS t (episode_id, version, state, begun_at, ended_at) "
    "SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:versions AS bigint[]), CAST(:states AS text[]), "
    "CAST(:begun AS timestamptz[]), CAST(:ended AS timestamptz[])) "
    "AS n(episode_id, version, state, begun_at, ended_at) ORDER BY 1 "
    "ON CONFLICT (episode_id) DO UPDATE SET version = excluded.version, state = excluded.state, "
    "begun_at = excluded.begun_at, ended_at = excluded.ended_at WHERE t.version < excluded.version "
    "RETURNING episode_id"
)
_OTHER_MAPPING = sa.text("SELECT patient_id FROM visits WHERE mapping <> :mapping ORDER BY visit_id LIMIT :page")

# ── patients ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def owners(connection: Connection, keys: Sequence[bytes]) -> dict[bytes, str]:
    """Keyed hash of an id → the patient known by it."""
    return {row.key: row.patient_id for row in (await connection.execute(_OWNERS, {"keys": list(keys)})).all()}


async def add_identifiers(connection: Connection, rows: Sequence[tuple[bytes, str, bytes]]) -> None:
    """(key, patient, sealed id); one that another transaction wrote first stands."""
    keys, patients, sealed = (list(column) for column in zip(*rows, strict=True))
    await connection.execute(_IDENTIFIERS, {"keys": keys, "patients": patients, "sealed": sealed})


async def lock_patients(connection: Connection, ids: Iterable[str], *, new: bool) -> None:
    """Lock the patients' rows in the order of their ids; `new`: some may not be there yet."""
    sorted_ids = sorted(set(ids))
    if new:
        await connection.execute(_PATIENTS, {"ids": sorted_ids})
    await connection.execute(_LOCK, {"ids": sorted_ids})


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Before(NamedTuple):
    """What is known of a message's ids: the answer of the very same one, and whether another one has them."""

    replies: tuple[bytes, ...]
    answer: AckCode
    message_id: str | None
    other: bool


async def before(connection: Connection, asked: Sequence[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], Before]:
    """(ids, body) → what came before; those of messages that are news have no message_id."""
    given = {"ids": [ids for ids, _ in asked], "bodies": [body for _, body in asked]}
    return {
        (row.ids, row.body): Before(tuple(row.replies or ()), row.answer, row.message_id, row.other)
        for row in (await connection.execute(_BEFORE, given)).all()
    }


class Kept(NamedTuple):
    """A row of `messages`, in the order of its columns."""

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
    replies: list[bytes]
    note: str
    reason: str | None
    warnings: list[str]
    patient_id: str | None
    visit_id: str | None
    said: bytes | None
    sealed: bytes


async def keep_messages(connection: Connection, rows: Iterable[Kept]) -> None:
    """Store messages with their answers."""
    await copy_rows(connection, messages, Kept._fields, rows)


async def keep_notes(connection: Connection, notes: Sequence[Note]) -> None:
    """What became of messages that were stored before."""
    if notes:
        ids, effects, reasons = (list(column) for column in zip(*notes, strict=True))
        await connection.execute(_NOTES, {"ids": ids, "notes": effects, "reasons": reasons})


async def count_feeds(connection: Connection, counts: Mapping[tuple[str, str, str, str], int], at: datetime) -> None:
    """(facility, door, trigger, answer) → how many; last in a transaction, for its rows are everybody's."""
    facilities, doors, triggers, answers = (list(column) for column in zip(*counts, strict=True))
    await connection.execute(
        _FEEDS,
        {
            "facilities": facilities,
            "doors": doors,
            "triggers": triggers,
            "answers": answers,
            "counts": list(counts.values()),
            "at": at,
        },
    )


# ── visits, episodes, facts ───────────────────────────────────────────────────────────────────────────────────────


async def visits_of(connection: Connection, patients: Iterable[str]) -> list[OnFile]:
    """All visits of patients, without messages and facts."""
    rows = (await connection.execute(_VISITS, {"patients": list(patients)})).all()
    return [OnFile(*row) for row in rows]


async def ledger_of(connection: Connection, patients: Iterable[str]) -> Ledger:
    """The episodes of patients: sequences, what our own requests began, and what care.episodes told that visits don't.

    A request counts until care.episodes says what became of it.
    """
    found = Ledger()
    for row in (await connection.execute(_EPISODES, {"patients": list(patients)})).all():
        found.sequences[row.episode_id], found.owners[row.episode_id] = row.sequence, row.patient_id
        if row.state == "referred" or (row.state is None and row.asked_at is not None):
            found.asked.add(row.episode_id)
            found.known[row.patient_id][row.episode_id] = KnownEpisode(row.episode_id, None, row.asked_at)
        elif row.begun_at is not None:
            told = KnownEpisode(row.episode_id, row.ended_at, row.begun_at)
            found.known[row.patient_id][row.episode_id] = joined(None, told)
    return found


async def fill(connection: Connection, visits: Mapping[str, OnFile]) -> None:
    """Load the visits' messages with their notes, and the facts of them that stand."""
    if not visits:
        return
    ids = list(visits)
    for row in (await connection.execute(_SAID, {"visits": ids})).all():
        visit = visits[row.visit_id]
        visit.messages.append(Said(kept.decode(row.said), row.message_id, row.arrived_at))
        visit.notes[row.message_id] = (row.note, row.reason)
    for row in (await connection.execute(_STANDING, {"visits": ids})).all():
        key = tuple(row.key)
        wanted = Wanted(key, row.type, row.occurred_at, orjson.loads(row.value), row.stay_id, None, row.message_id)
        visits[row.visit_id].standing[key] = Standing(row.ce_id, wanted)


async def keep_settled(connection: Connection, settled: Sequence[Settled], ledger: Ledger, mapping: str) -> None:
    """Write visits, episodes and facts as they were settled."""
    if not settled:
        return
    await connection.execute(_KEEP_VISITS, {**_visit_columns([each.visit for each in settled]), "mapping": mapping})
    stated = [(each.visit, one) for each in settled for one in each.stated]
    touched = sorted({one.fact.subject for _, one in stated})
    if touched:
        given = {
            "episodes": touched,
            "patients": [ledger.owners[episode] for episode in touched],
            "sequences": [ledger.sequences[episode] for episode in touched],
        }
        await connection.execute(_KEEP_EPISODES, given)
        await copy_rows(connection, facts, _FACT_COLUMNS, [_fact_row(visit, one) for visit, one in stated])
    if fallen := [ce_id for each in settled for ce_id in each.fallen]:
        await connection.execute(_FALL, {"ids": fallen})


def _visit_columns(visits: Sequence[OnFile]) -> dict[str, Any]:
    return {
        "visits": [visit.visit_id for visit in visits],
        "patients": [visit.patient_id for visit in visits],
        "facilities": [visit.facility for visit in visits],
        "keys": [visit.key for visit in visits],
        "episodes": [visit.episode_id for visit in visits],
        "begun": [visit.begun_at for visit in visits],
        "ended": [visit.ended_at for visit in visits],
    }


_FACT_COLUMNS = tuple(column.name for column in facts.columns)


def _fact_row(visit: OnFile, stated: Stated) -> tuple[Any, ...]:
    fact, wanted = stated
    place = (fact.id, fact.subject, fact.sequence, visit.visit_id)
    if wanted is None:
        cancels, at = fact.value["cancels"], datetime.fromisoformat(fact.value["occurred_at"])
        stay = fact.value["stay"]["id"]
        return (*place, ["fact-cancelled", cancels], "fact-cancelled", stay, at, b"{}", fact.causation_id or "", False)
    value = orjson.dumps(wanted.value)
    return (*place, list(wanted.key), wanted.type, wanted.stay_id, wanted.occurred_at, value, wanted.said_by, True)


async def patients_of_another_mapping(connection: Connection, mapping: str, page: int) -> list[str]:
    """Patients with visits whose facts were derived with another version of the site config."""
    return list((await connection.execute(_OTHER_MAPPING, {"mapping": mapping, "page": page})).scalars())


# ── what care.episodes tells ──────────────────────────────────────────────────────────────────────────────────────


class Told(NamedTuple):
    """An episode as care.episodes has it: its state, and its program stays' first beginning and last end.

    `ended_at` is None while one of them is open. Visits are left out: what is so of them intake knows first.
    """

    episode_id: str
    version: int
    state: str
    begun_at: datetime | None
    ended_at: datetime | None


async def keep_told(connection: Connection, told: Sequence[Told]) -> set[str]:
    """Keep what is newer than what is kept; the ids of those."""
    ids, versions, states, begun, ended = (list(column) for column in zip(*told, strict=True))
    given = {"ids": ids, "versions": versions, "states": states, "begun": begun, "ended": ended}
    return set((await connection.execute(_TOLD, given)).scalars())
