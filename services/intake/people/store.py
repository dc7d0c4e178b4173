"""All SQL that what is known of persons is written with: sealed fields, hashed words, and who told of whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.writes import Read, Write

_SEALED = "SELECT patient_id, sealed, stated_at FROM identities WHERE patient_id = ANY($1::text[])"
_KEEP = (
    "INSERT INTO identities (patient_id, sealed, stated_at) SELECT * FROM unnest($1::text[], $2::bytea[], "
    "$3::timestamptz[]) AS n(patient_id, sealed, stated_at) ON CONFLICT (patient_id) DO UPDATE "
    "SET sealed = excluded.sealed, stated_at = greatest(identities.stated_at, excluded.stated_at)"
)
_WORDS = (
    "INSERT INTO identity_words (word, patient_id) SELECT * FROM unnest($1::bytea[], $2::text[]) "
    "AS n(word, patient_id) ON CONFLICT DO NOTHING"
)
_FORGET = (
    "DELETE FROM identity_words AS w USING unnest($1::bytea[], $2::text[]) AS n(word, patient_id) "
    "WHERE w.word = n.word AND w.patient_id = n.patient_id"
)
_PLACES = (
    "INSERT INTO patient_facilities (patient_id, facility) SELECT * FROM unnest($1::text[], $2::text[]) "
    "AS n(patient_id, facility) ON CONFLICT DO NOTHING"
)


class Sealed(NamedTuple):
    """What is kept of a person, and when the last of it was said."""

    patient_id: str
    sealed: bytes
    stated_at: datetime


def sealed_of(patients: Iterable[str]) -> Read:
    """What is kept of these patients, as rows of `Sealed`; the caller holds the locks of their rows."""
    return Read(_SEALED, (list(patients),))


def keep(rows: Sequence[Sealed]) -> Write:
    """What is known of persons now."""
    return Write(_KEEP, _columns(rows))


def change_words(gone: Sequence[tuple[bytes, str]], new: Sequence[tuple[bytes, str]]) -> list[Write]:
    """(hashed word, patient): those that lead to a patient no more, and those that do now."""
    return [Write(sql, _columns(pairs)) for sql, pairs in ((_FORGET, gone), (_WORDS, new)) if pairs]


def keep_places(places: Collection[tuple[str, str]]) -> Write:
    """(patient, facility): who told of whom, which decides who may see the patient."""
    return Write(_PLACES, _columns(sorted(places)))


def _columns(given: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*given, strict=True)))
