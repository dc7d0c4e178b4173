"""All SQL by which what the first version stored of persons is brought over (first_version.py), and the check of the
key that persons are looked up by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.hl7 import codec
from services.intake.hl7.model import PatientId
from shared.storage.database import Connection
from shared.storage.statements import array, rows

_CHECK = (
    "WITH n AS (INSERT INTO index_check (value) SELECT $1::bytea WHERE NOT EXISTS (SELECT 1 FROM index_check) "
    "ON CONFLICT DO NOTHING) SELECT EXISTS (SELECT 1 FROM index_check WHERE value <> $1::bytea)"
)
_LEFT = "SELECT EXISTS (SELECT 1 FROM first_identifiers) OR EXISTS (SELECT 1 FROM first_identities)"
_PAGE = (
    "SELECT p.patient_id FROM patients AS p WHERE p.patient_id IN (SELECT patient_id FROM (SELECT patient_id FROM "
    "(SELECT patient_id FROM first_identifiers ORDER BY patient_id LIMIT $1) AS a UNION SELECT patient_id FROM "
    "(SELECT patient_id FROM first_identities ORDER BY patient_id LIMIT $1) AS b) AS u ORDER BY 1 LIMIT $1) "
    "ORDER BY p.patient_id FOR UPDATE"
)
_IDENTIFIERS = (
    "SELECT patient_id, key, sealed FROM first_identifiers WHERE patient_id = ANY($1::text[]) ORDER BY patient_id, key"
)
_IDENTITIES = "SELECT patient_id, sealed, stated_at FROM first_identities WHERE patient_id = ANY($1::text[])"
_TOLD = (
    "SELECT v.patient_id, v.facility, m.message_id, m.sealed, m.said FROM visits AS v JOIN messages AS m "
    "ON m.visit_id = v.visit_id WHERE v.patient_id = ANY($1::text[]) AND m.said IS NOT NULL AND m.answer = 'AA' "
    "ORDER BY m.message_id"
)
_JOINED = (
    "UPDATE patients AS p SET joined = n.why::text[] FROM unnest($1::text[], $2::text[]) AS n(patient_id, why) "
    "WHERE p.patient_id = n.patient_id"
)
_FORGET = (
    "WITH i AS (DELETE FROM first_identifiers WHERE patient_id = ANY($1::text[])) "
    "DELETE FROM first_identities WHERE patient_id = ANY($1::text[])"
)


class FirstVersionMessage(NamedTuple):
    """A message of a patient's visit: which facility sent it, its sealed text, its patient ids, when it was said."""

    patient_id: str
    facility: str
    message_id: str
    sealed: bytes
    ids: tuple[PatientId, ...]
    stated_at: datetime


async def check(connection: Connection, value: bytes) -> bool:
    """Store the value if none is stored yet; returns whether another one is stored."""
    [row] = await rows(connection, _CHECK, value)
    return bool(row[0])


async def anything_left(connection: Connection) -> bool:
    """Whether the first version's tables still have rows."""
    [row] = await rows(connection, _LEFT)
    return bool(row[0])


async def page(connection: Connection, most: int) -> list[str]:
    """At most so many patients of whom the first version's tables have rows, by id, locked."""
    return [row[0] for row in await rows(connection, _PAGE, most)]


async def identifiers(connection: Connection, patients: Sequence[str]) -> list[tuple[str, bytes, bytes]]:
    """(patient, key, sealed id) of these patients' ids."""
    return [(row[0], row[1], row[2]) for row in await rows(connection, _IDENTIFIERS, patients)]


async def identities(connection: Connection, patients: Sequence[str]) -> list[tuple[str, bytes, datetime]]:
    """(patient, sealed fields, when the last of them was said) of these patients."""
    return [(row[0], row[1], row[2]) for row in await rows(connection, _IDENTITIES, patients)]


async def told(connection: Connection, patients: Sequence[str]) -> list[FirstVersionMessage]:
    """The messages of these patients' visits, in the order they arrived."""
    found = []
    for row in await rows(connection, _TOLD, patients):
        adt: Any = codec.decode(row["said"])
        place = (row["patient_id"], row["facility"], row["message_id"], row["sealed"])
        found.append(FirstVersionMessage(*place, adt.patient_ids, adt.stated_at))
    return found


async def keep_reasons(connection: Connection, given: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Store of patients why they may be two people; each as (patient, reasons)."""
    if given:
        await rows(connection, _JOINED, [one for one, _ in given], [array(why) for _, why in given])


async def forget(connection: Connection, patients: Sequence[str]) -> None:
    """Delete the first version's rows of patients who are brought over."""
    await rows(connection, _FORGET, patients)
