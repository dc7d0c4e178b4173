"""All SQL that writes persons: their sealed fields, and which facility told of whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.intake.tables import identities, patient_facilities
from shared.storage.row_writes import insert_missing, upsert
from shared.storage.statements import Read, SqlWrite, written

_SEALED = "SELECT patient_id, facility, sealed, stated_at FROM identities WHERE patient_id = ANY($1::text[])"
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


def keep_places(places: Collection[tuple[str, str]]) -> list[SqlWrite]:
    """The writes of which facility told of which patient: that decides who may see the patient."""
    return written(_PLACES, sorted(places))
