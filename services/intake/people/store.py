"""All SQL that what is known of persons is written with: sealed fields, hashed words, and who told of whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from shared.db import Connection

_SEALED = sa.text("SELECT patient_id, sealed, stated_at FROM identities WHERE patient_id = ANY(CAST(:ids AS text[]))")
_KEEP = sa.text(
    "INSERT INTO identities (patient_id, sealed, stated_at) SELECT * FROM unnest(CAST(:patients AS text[]), "
    "CAST(:sealed AS bytea[]), CAST(:stated AS timestamptz[])) AS n(patient_id, sealed, stated_at) "
    "ON CONFLICT (patient_id) DO UPDATE SET sealed = excluded.sealed, "
    "stated_at = greatest(identities.stated_at, excluded.stated_at)"
)
_WORDS = sa.text(
    "INSERT INTO identity_words (word, patient_id) SELECT * FROM unnest(CAST(:words AS bytea[]), "
    "CAST(:patients AS text[])) AS n(word, patient_id) ON CONFLICT DO NOTHING"
)
_FORGET = sa.text(
    "DELETE FROM identity_words AS w USING unnest(CAST(:words AS bytea[]), CAST(:patients AS text[])) "
    "AS n(word, patient_id) WHERE w.word = n.word AND w.patient_id = n.patient_id"
)
_PLACES = sa.text(
    "INSERT INTO patient_facilities (patient_id, facility) SELECT * FROM unnest(CAST(:patients AS text[]), "
    "CAST(:facilities AS text[])) AS n(patient_id, facility) ON CONFLICT DO NOTHING"
)


class Sealed(NamedTuple):
    """What is kept of a person, and when the last of it was said."""

    patient_id: str
    sealed: bytes
    stated_at: datetime


async def sealed_of(connection: Connection, patients: Collection[str]) -> list[Sealed]:
    """What is kept of these patients; the caller holds the locks of their rows."""
    return [Sealed(*row) for row in (await connection.execute(_SEALED, {"ids": sorted(patients)})).all()]


async def keep(connection: Connection, rows: Sequence[Sealed]) -> None:
    """Write what is known of persons now."""
    patients, sealed, stated = (list(column) for column in zip(*rows, strict=True))
    await connection.execute(_KEEP, {"patients": patients, "sealed": sealed, "stated": stated})


async def change_words(
    connection: Connection, gone: Sequence[tuple[bytes, str]], new: Sequence[tuple[bytes, str]]
) -> None:
    """(hashed word, patient): those that lead to a patient no more, and those that do now."""
    for statement, pairs in ((_FORGET, gone), (_WORDS, new)):
        if pairs:
            words, patients = (list(column) for column in zip(*pairs, strict=True))
            await connection.execute(statement, {"words": words, "patients": patients})


async def keep_places(connection: Connection, places: Collection[tuple[str, str]]) -> None:
    """(patient, facility): who told of whom, which decides who may see the patient."""
    patients, facilities = (list(column) for column in zip(*sorted(places), strict=True))
    await connection.execute(_PLACES, {"patients": patients, "facilities": facilities})
