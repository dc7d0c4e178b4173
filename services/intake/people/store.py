"""All SQL that what is known of persons is written with: sealed fields, hashed words, and who told of whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.storage.statements import Read, SqlWrite

_SEALED = "SELECT patient_id, facility, sealed, stated_at FROM identities WHERE patient_id = ANY($1::text[])"
_KEEP = (
    "INSERT INTO identities (patient_id, facility, sealed, stated_at) SELECT * FROM unnest($1::text[], $2::text[], "
    "$3::bytea[], $4::timestamptz[]) AS n(patient_id, facility, sealed, stated_at) "
    "ON CONFLICT (patient_id, facility) DO UPDATE "
    "SET sealed = excluded.sealed, stated_at = greatest(identities.stated_at, excluded.stated_at)"
)
_WORDS = (
    "INSERT INTO identity_words (word, patient_id, facility) SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[]) "
    "AS n(word, patient_id, facility) ON CONFLICT DO NOTHING"
)
_FORGET = (
    "DELETE FROM identity_words AS w "
    "USING unnest($1::bytea[], $2::text[], $3::text[]) AS n(word, patient_id, facility) "
    "WHERE w.word = n.word AND w.patient_id = n.patient_id AND w.facility = n.facility"
)
_PLACES = (
    "INSERT INTO patient_facilities (patient_id, facility) SELECT * FROM unnest($1::text[], $2::text[]) "
    "AS n(patient_id, facility) ON CONFLICT DO NOTHING"
)


Whose = tuple[str, str]
"""A patient, and a facility that told of it."""


class Sealed(NamedTuple):
    """What is kept of a person as one facility told it, and when the last of it was said."""

    patient_id: str
    facility: str
    sealed: bytes
    stated_at: datetime

    @property
    def whose(self) -> Whose:
        """Of whom it is, and who told it."""
        return self.patient_id, self.facility


def sealed_of(patients: Iterable[str]) -> Read:
    """What is kept of these patients, as rows of `Sealed`; the caller holds the locks of their rows."""
    return Read(_SEALED, (list(patients),))


def keep(rows: Sequence[Sealed]) -> SqlWrite:
    """What is known of persons now."""
    return SqlWrite(_KEEP, _columns(rows))


def change_words(gone: Sequence[tuple[bytes, str, str]], new: Sequence[tuple[bytes, str, str]]) -> list[SqlWrite]:
    """(hashed word, patient, facility): those that lead to a patient no more, and those that do now."""
    return [SqlWrite(sql, _columns(pairs)) for sql, pairs in ((_FORGET, gone), (_WORDS, new)) if pairs]


def keep_places(places: Collection[tuple[str, str]]) -> SqlWrite:
    """(patient, facility): who told of whom, which decides who may see the patient."""
    return SqlWrite(_PLACES, _columns(sorted(places)))


def _columns(given: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*given, strict=True)))
