"""All SQL that writes persons: their sealed fields, their hashed search words, and which facility told of whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.intake.tables import identities, identity_words, patient_facilities
from shared.storage.row_writes import delete, insert_missing, upsert
from shared.storage.statements import Read, SqlWrite, written

_SEALED = "SELECT patient_id, facility, sealed, stated_at FROM identities WHERE patient_id = ANY($1::text[])"
_WORD = ("word", "patient_id", "facility")
_WORDS = insert_missing(identity_words, _WORD)
_FORGET = delete(identity_words, _WORD)
_PLACES = insert_missing(patient_facilities, ("patient_id", "facility"))


Whose = tuple[str, str]
"""A patient, and a facility that told of the patient."""


class Sealed(NamedTuple):
    """The fields of a person as one facility told them, encrypted, and when the last of them was said."""

    patient_id: str
    facility: str
    sealed: bytes
    stated_at: datetime


def sealed_of(patients: Iterable[str]) -> Read:
    """The read of these patients' fields, as rows of `Sealed`; the caller holds the locks of the patients' rows."""
    return Read(_SEALED, (list(patients),))


_KEEP = upsert(identities, Sealed._fields, changes={"stated_at": "greatest(t.stated_at, excluded.stated_at)"})


def keep(rows: Sequence[Sealed]) -> list[SqlWrite]:
    """The writes of persons' fields as they are now."""
    return written(_KEEP, rows)


def change_words(gone: Sequence[tuple[bytes, str, str]], new: Sequence[tuple[bytes, str, str]]) -> list[SqlWrite]:
    """The writes that delete and add search words, each as (hashed word, patient, facility)."""
    return [*written(_FORGET, gone), *written(_WORDS, new)]


def keep_places(places: Collection[tuple[str, str]]) -> list[SqlWrite]:
    """The writes of which facility told of which patient: that decides who may see the patient."""
    return written(_PLACES, sorted(places))
