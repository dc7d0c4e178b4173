"""All SQL that deletes names, numbers, matches and texts of one facility. `$1` is the facility in each statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.intake.keeping.store import NOT_NEEDED
from shared.retention import AT_ONCE
from shared.storage.database import Connection
from shared.storage.statements import rows

_PATIENTS = (
    "SELECT patient_id FROM (SELECT patient_id FROM patient_facilities WHERE facility = $1 UNION "
    "SELECT patient_id FROM identities WHERE facility = $1 UNION "
    "SELECT patient_id FROM patient_identifiers WHERE facility = $1) AS u"
)
_PAGE = f"{_PATIENTS} WHERE patient_id > $2 ORDER BY patient_id LIMIT {AT_ONCE}"
_LOCK = "SELECT 1 FROM patients WHERE patient_id = ANY($1::text[]) ORDER BY patient_id FOR UPDATE"
_NOT_KNOWN_WHICH = (
    "facility = '' AND NOT EXISTS (SELECT 1 FROM patient_facilities AS p WHERE p.patient_id = t.patient_id "
    "AND p.facility <> $1 AND p.facility NOT IN (SELECT facility FROM retired_facilities))"
)
"""Told by one of the patient's facilities, not known which, and none of them is still here."""
_THEIRS = f"(facility = $1 OR {_NOT_KNOWN_WHICH}) AND patient_id IN ({_PATIENTS})"
_OF_PAGE = f"(facility = $1 OR {_NOT_KNOWN_WHICH}) AND patient_id = ANY($2::text[])"
_NAMES = f"DELETE FROM identities AS t WHERE {_OF_PAGE} RETURNING 1"  # noqa: S608 - our own words
_DELETED = f"DELETE FROM deleted_persons AS t WHERE {_OF_PAGE} RETURNING 1"  # noqa: S608
_WORDS = f"DELETE FROM identity_words AS t WHERE {_OF_PAGE}"  # noqa: S608
_NUMBERS = (
    "DELETE FROM patient_identifiers WHERE facility = $1 AND patient_id = ANY($2::text[]) "
    "RETURNING key, patient_id, leads"
)
_HAND_OVER = (
    "UPDATE patient_identifiers AS i SET leads = 'everywhere' FROM (SELECT o.key, o.patient_id, min(o.facility) AS "
    "facility FROM unnest($1::bytea[], $2::text[]) AS n(key, patient_id) JOIN patient_identifiers AS o "
    "USING (key, patient_id) GROUP BY 1, 2) AS h "
    "WHERE i.key = h.key AND i.patient_id = h.patient_id AND i.facility = h.facility"
)
_NUMBERED = "t.facility = $1 AND convert_from(t.told, 'UTF8')::jsonb ->> 'mrn' IS NOT NULL"
_SAID_OF = (
    "SELECT t.statement_id, t.patient_id, t.other_id FROM record_statements AS t "  # noqa: S608
    f"WHERE {_NUMBERED} ORDER BY t.statement_id LIMIT {AT_ONCE}"
)
_UNNUMBER = (
    "UPDATE record_statements AS t SET told = convert_to((convert_from(t.told, 'UTF8')::jsonb - 'mrn' - 'authority' "  # noqa: S608
    f"|| '{{\"number_deleted\": true}}'::jsonb)::text, 'UTF8') WHERE {_NUMBERED} "
    "AND t.statement_id = ANY($2::text[]) RETURNING 1"
)
_EVIDENCE = (
    "WITH gone AS (DELETE FROM match_evidence WHERE (match_id, of_one, of_other) IN (SELECT match_id, of_one, of_other "  # noqa: S608
    f"FROM match_evidence WHERE of_one = $1 OR of_other = $1 LIMIT {AT_ONCE}) RETURNING match_id) "
    "SELECT DISTINCT match_id FROM gone"
)
_LOCK_MATCHES = "SELECT 1 FROM matches WHERE match_id = ANY($1::text[]) ORDER BY match_id FOR UPDATE"
_MATCHES = (
    "DELETE FROM matches AS m WHERE match_id = ANY($1::text[]) "
    "AND NOT EXISTS (SELECT 1 FROM match_evidence AS e WHERE e.match_id = m.match_id) RETURNING 1"
)
_TEXTS = (
    "WITH p AS MATERIALIZED (SELECT message_id FROM messages WHERE message_id > $2 ORDER BY message_id "  # noqa: S608
    f"LIMIT {AT_ONCE}), k AS MATERIALIZED (SELECT message_id FROM messages WHERE message_id IN (SELECT message_id "
    "FROM p) AND facility = $1 AND sealed IS NOT NULL FOR UPDATE SKIP LOCKED), "
    "u AS (UPDATE messages SET sealed = NULL WHERE message_id IN (SELECT message_id FROM k) RETURNING answer) "
    "SELECT (SELECT max(message_id) FROM p), (SELECT count(*) FROM u WHERE answer = 'AA'), "
    "(SELECT count(*) FROM u WHERE answer <> 'AA')"
)
_REFUSED = (
    "DELETE FROM refused_messages WHERE message_id IN (SELECT message_id FROM refused_messages "  # noqa: S608
    f"WHERE facility = $1 LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED) RETURNING 1"
)
_NEEDS = (
    "DELETE FROM unknown_needs WHERE need_id IN (SELECT need_id FROM unknown_needs "  # noqa: S608
    f"WHERE facility = $1 LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED) RETURNING 1"
)
_COUNTS = {
    "names": (
        f"SELECT (SELECT count(*) FROM identities AS t WHERE {_THEIRS}) + "  # noqa: S608
        "(SELECT count(*) FROM deleted_persons WHERE facility = $1)"
    ),
    "identifiers": (
        "SELECT (SELECT count(*) FROM patient_identifiers WHERE facility = $1) + "  # noqa: S608
        f"(SELECT count(*) FROM record_statements AS t WHERE {_NUMBERED})"
    ),
    "matches": (
        "SELECT count(*) FROM matches AS m WHERE EXISTS (SELECT 1 FROM match_evidence AS e WHERE e.match_id = "
        "m.match_id AND $1 IN (e.of_one, e.of_other)) AND NOT EXISTS (SELECT 1 FROM match_evidence AS e "
        "WHERE e.match_id = m.match_id AND $1 NOT IN (e.of_one, e.of_other))"
    ),
    "unknown-needs": "SELECT count(*) FROM unknown_needs WHERE facility = $1",
    "raw-messages": "SELECT count(*) FROM messages WHERE facility = $1 AND answer = 'AA' AND sealed IS NOT NULL",
    "refused-messages": (
        "SELECT (SELECT count(*) FROM messages WHERE facility = $1 AND answer <> 'AA' AND sealed IS NOT NULL) + "
        "(SELECT count(*) FROM refused_messages WHERE facility = $1)"
    ),
}
_READY = f"SELECT {NOT_NEEDED}"
_OLDER = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND xact_start < $1::timestamptz"
)
_NOW = "SELECT clock_timestamp()"


class TextsGone(NamedTuple):
    """The last message that was looked at, None where there was none, and how many texts went: AA, and the others."""

    last: str | None
    raw: int
    refused: int


async def counts(connection: Connection, facility: str) -> dict[str, int]:
    """Kind → how much of it there is of the facility."""
    return {kind: int((await rows(connection, sql, facility))[0][0]) for kind, sql in _COUNTS.items()}


async def page(connection: Connection, facility: str, after: str) -> list[str]:
    """At most AT_ONCE patients of whom the facility told, by id, from behind `after` on, locked."""
    found = [row[0] for row in await rows(connection, _PAGE, facility, after)]
    await rows(connection, _LOCK, found)
    return found


async def delete_names(connection: Connection, facility: str, patients: Sequence[str]) -> int:
    """Delete names, contacts and search words that the facility told of these patients, who are locked; returns how
    many names there were."""
    await rows(connection, _WORDS, facility, patients)
    away = await rows(connection, _DELETED, facility, patients)
    return len(await rows(connection, _NAMES, facility, patients)) + len(away)


async def delete_numbers(connection: Connection, facility: str, patients: Sequence[str]) -> int:
    """Delete the numbers that the facility told of these patients, who are locked; returns how many.

    A number that led everywhere, and that another facility told of the same patient too, goes on to lead by that one.
    """
    gone = await rows(connection, _NUMBERS, facility, patients)
    led = [(row["key"], row["patient_id"]) for row in gone if row["leads"] == "everywhere"]
    await rows(connection, _HAND_OVER, [key for key, _ in led], [patient for _, patient in led])
    return len(gone)


async def delete_numbers_told_of_records(connection: Connection, facility: str) -> int:
    """Delete the record numbers of at most AT_ONCE of what the facility said of two patients, who are locked; returns
    how many. Who is whom stays."""
    page = await rows(connection, _SAID_OF, facility)
    await rows(connection, _LOCK, sorted({each for row in page for each in (row["patient_id"], row["other_id"])}))
    return len(await rows(connection, _UNNUMBER, facility, [row["statement_id"] for row in page]))


async def delete_matches(connection: Connection, facility: str) -> tuple[int, bool]:
    """Delete some of what the facility's telling speaks for, and matches for which nothing speaks any more: how many
    matches went, and whether there was anything."""
    touched = [row[0] for row in await rows(connection, _EVIDENCE, facility)]
    await rows(connection, _LOCK_MATCHES, touched)  # whoever adds evidence has locked the match
    return len(await rows(connection, _MATCHES, touched)), bool(touched)


async def delete_texts(connection: Connection, facility: str, after: str) -> TextsGone:
    """Delete the facility's texts among the next AT_ONCE messages above `after`; one that is locked keeps its text."""
    [row] = await rows(connection, _TEXTS, facility, after)
    return TextsGone(*row)


async def delete_refused(connection: Connection, facility: str) -> int:
    """Delete at most AT_ONCE of the facility's messages that got AR; returns how many."""
    return len(await rows(connection, _REFUSED, facility))


async def delete_needs(connection: Connection, facility: str) -> int:
    """Delete at most AT_ONCE of the needs that were told to the facility and are not in the vocabulary; returns how
    many."""
    return len(await rows(connection, _NEEDS, facility))


async def is_ready(connection: Connection) -> bool:
    """False while what the first version stored of persons is not brought over."""
    return bool((await rows(connection, _READY))[0][0])


async def older_transactions(connection: Connection, than: object) -> int:
    """How many transactions of this database's role began before that time and still go on."""
    return int((await rows(connection, _OLDER, than))[0][0])


async def now(connection: Connection) -> object:
    """The database's time."""
    return (await rows(connection, _NOW))[0][0]
