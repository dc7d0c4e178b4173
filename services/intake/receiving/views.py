"""All SQL that only reads: what `stepdown verify` compares, page by page, and how the feeds do; no message's text."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.tables import messages
from services.intake.visits.reconcile import VisitRecord
from shared.scope import Scope
from shared.storage.database import Connection

_VISITS = sa.text(
    "SELECT visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at, said_at, held, quiet_until, "
    "record_number, mapping FROM visits WHERE visit_id > :after ORDER BY visit_id LIMIT :page"
)
_DEATHS = sa.text("SELECT DISTINCT patient_id FROM deaths WHERE patient_id > :after ORDER BY 1 LIMIT :page")
_GAPS = sa.text(
    "SELECT p.episode_id FROM (SELECT episode_id, sequence FROM episodes WHERE episode_id > :after "
    "ORDER BY episode_id LIMIT :page) AS p LEFT JOIN facts AS f ON f.episode_id = p.episode_id "
    "GROUP BY p.episode_id, p.sequence "
    "HAVING count(f.ce_id) <> p.sequence OR max(f.sequence) <> p.sequence OR min(f.sequence) <> 1"
)
_EPISODES = sa.text(
    "SELECT max(episode_id), count(*) FROM (SELECT episode_id FROM episodes WHERE episode_id > :after "
    "ORDER BY episode_id LIMIT :page) AS p"
)

_JOINED = sa.text("SELECT patient_id, joined FROM patients WHERE joined IS NOT NULL ORDER BY patient_id")
ALL_FACTS = sa.text("SELECT 'intake', episode_id, sequence, ce_id FROM facts ORDER BY episode_id, sequence")
REVOKED = sa.text("SELECT consent_id, counts_from FROM consents WHERE counts_from IS NOT NULL ORDER BY 1")
ALL_TOLD = sa.text("SELECT episode_id, version FROM told_episodes")
_IN_LANE = sa.text("SELECT partition, count(*) AS number FROM waiting_records GROUP BY partition")
_FEEDS = sa.text("SELECT facility, door, trigger, answer, count, last_at FROM feeds ORDER BY 1, 2, 3, 4")
_NOTED = sa.text(
    "SELECT facility, note, count(*) AS number, count(DISTINCT CASE WHEN note = 'unmapped' "
    "THEN convert_from(said, 'UTF8')::jsonb -> 'location' ->> 0 END) AS units "
    "FROM messages WHERE note IN ('waiting', 'error', 'unmapped') GROUP BY 1, 2"
)
_LISTED = sa.text(
    "SELECT message_id, facility, door, trigger, arrived_at, note, reason, visit_id FROM messages WHERE note = :note "
    "AND note NOT IN ('applied', 'kept') AND message_id > :after AND (CAST(:facilities AS text[]) IS NULL "
    "OR facility = ANY(CAST(:facilities AS text[]))) "
    "ORDER BY message_id LIMIT :most"
)
_REFUSED = sa.text(
    "SELECT message_id, facility, door, trigger, arrived_at, 'error' AS note, reason FROM refused_messages "
    "WHERE message_id > :after AND (CAST(:facilities AS text[]) IS NULL "
    "OR facility = ANY(CAST(:facilities AS text[]))) ORDER BY message_id LIMIT :most"
)
_CODES = sa.text(
    "SELECT facility, kind, field, code, count(*) AS number, max(begun_at) AS last_at FROM ("
    "SELECT facility, begun_at, split_part(u, ' ', 1) AS kind, split_part(u, ' ', 2) AS field, "
    "substr(u, length(split_part(u, ' ', 1)) + length(split_part(u, ' ', 2)) + 3) AS code "
    "FROM visits, unnest(unmapped) AS u WHERE unmapped <> '{}' UNION ALL "
    "SELECT facility, arrived_at, 'unit', 'PV1-3.1', convert_from(said, 'UTF8')::jsonb -> 'location' ->> 0 "
    "FROM messages WHERE note = 'unmapped') AS every "
    "WHERE code IS NOT NULL AND (CAST(:facilities AS text[]) IS NULL OR facility = ANY(CAST(:facilities AS text[]))) "
    "GROUP BY 1, 2, 3, 4 ORDER BY number DESC, 1, 2, 3, 4 LIMIT :most"
)
LISTED_NOTES = {"waiting": "waiting", "ae": "error", "unmapped": "unmapped", "place-differs": "place-differs"}
"""State of a list of messages, as a caller names it → the note of the messages in it."""
REFUSED = "ar"
"""The state of messages that were refused: those that are kept for a limited time."""
STATES = sorted({*LISTED_NOTES, REFUSED})


class Feed(NamedTuple):
    """How many messages of one trigger came through one door and got one answer, and when the last one came."""

    facility: str
    door: str
    trigger: str
    answer: str
    number: int
    last_at: datetime


class MessageNote(NamedTuple):
    """How many messages of a facility have a note; of unmapped ones `units` is in how many units."""

    facility: str
    note: str
    number: int
    units: int


class UnmappedCode(NamedTuple):
    """A code in no table of the site: how many visits have it (of a unit, messages), and when the last began."""

    facility: str
    kind: str
    field: str
    code: str
    number: int
    last_at: datetime | None


class Listed(NamedTuple):
    """A message that waits, went wrong or was refused: its id, where it came from, its note, and the reason."""

    message_id: str
    facility: str
    door: str
    trigger: str
    arrived_at: datetime
    note: str
    reason: str | None
    visit_id: str | None = None


async def feeds(connection: Connection) -> list[Feed]:
    """The counts of all feeds."""
    return [Feed(*row) for row in (await connection.execute(_FEEDS)).all()]


async def noted(connection: Connection) -> list[MessageNote]:
    """How many messages wait, went wrong or are unmapped, by facility and note."""
    return [MessageNote(*row) for row in (await connection.execute(_NOTED)).all()]


async def unmapped_codes(connection: Connection, *, scope: Scope, most: int) -> list[UnmappedCode]:
    """At most `most` units and codes that are in no table of the site, the most frequent first."""
    given = {"facilities": scope.listed, "most": most}
    return [UnmappedCode(*row) for row in (await connection.execute(_CODES, given)).all()]


async def listed(connection: Connection, state: str, *, scope: Scope, after: str, most: int) -> list[Listed]:
    """At most `most` messages in a state (of STATES), in the order of arrival, from behind the id `after` on."""
    given = {"facilities": scope.listed, "after": after, "most": most}
    if state == REFUSED:
        return [Listed(*row) for row in (await connection.execute(_REFUSED, given)).all()]
    given["note"] = LISTED_NOTES[state]
    return [Listed(*row) for row in (await connection.execute(_LISTED, given)).all()]


async def at_one_instant(connection: Connection) -> None:
    """Let this transaction see the database as at its first read; call it before that."""
    await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def visits_after(connection: Connection, after: str, page: int) -> list[tuple[VisitRecord, str]]:
    """A page of visits by id, without messages and facts, each with the version that it was derived by
    (`mapping_of`)."""
    rows = (await connection.execute(_VISITS, {"after": after, "page": page})).all()
    return [(VisitRecord(*row[:-1]), row.mapping) for row in rows]


async def told_of_deaths_after(connection: Connection, after: str, page: int) -> list[str]:
    """A page of the patients of whose death anything was told, in the order of their ids."""
    return list((await connection.execute(_DEATHS, {"after": after, "page": page})).scalars())


async def sequences_after(connection: Connection, after: str, page: int) -> tuple[list[str], str | None]:
    """(episodes of a page whose sequences are not 1, 2, 3 … up to the last one given; last id, None at the end)."""
    gaps = list((await connection.execute(_GAPS, {"after": after, "page": page})).scalars())
    last, number = (await connection.execute(_EPISODES, {"after": after, "page": page})).one()
    return gaps, last if number == page else None


async def joined(connection: Connection) -> list[tuple[str, tuple[str, ...]]]:
    """(patient, why) of those who may be two people, joined by the first version."""
    return [(row.patient_id, tuple(row.joined)) for row in (await connection.execute(_JOINED)).all()]


async def in_lane(connection: Connection) -> dict[int, int]:
    """Partition of hospital.adt → how many of its records are in the lane of long visits, or not counted yet."""
    return {row.partition: row.number for row in (await connection.execute(_IN_LANE)).all()}


async def effects(connection: Connection) -> list[tuple[str, str | None, int]]:
    """(note, reason, how many): what became of the messages kept, the most frequent first."""
    query = sa.select(messages.c.note, messages.c.reason, sa.func.count().label("number"))
    rows = await connection.execute(query.group_by(messages.c.note, messages.c.reason).order_by(sa.desc("number")))
    return [(row.note, row.reason, row.number) for row in rows]
