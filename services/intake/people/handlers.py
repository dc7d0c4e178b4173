"""What was said of persons, taken in: opened, merged field by field, sealed again, and the words to find them by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.intake.people import store
from services.intake.people.finding import words_of
from services.intake.people.person import Fields, Told, merged, packed, unpacked
from shared.crypto import Seal
from shared.db import Connection


class Telling(NamedTuple):
    """What one message or request says of a patient, who told it, and when it was said."""

    patient_id: str
    facility: str
    told: Told
    said_at: datetime

    def __repr__(self) -> str:
        return "<Telling>"


async def keep(connection: Connection, tellings: Sequence[Telling], seal: Seal) -> None:
    """Bring what is known of patients in line with what was said; the caller holds the locks of their rows."""
    if not tellings:
        return
    said: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        said[telling.patient_id].append(telling)
    kept = {row.patient_id: row for row in await store.sealed_of(connection, said)}
    before = {patient: opened(row, seal) for patient, row in kept.items()}
    after = {patient: _with(before.get(patient, {}), told) for patient, told in said.items()}
    rows = [
        store.Sealed(patient, seal.close(packed(fields), _place(patient)), max(one.said_at for one in said[patient]))
        for patient, fields in sorted(after.items())
    ]
    await store.keep(connection, rows)
    await _change_words(connection, before, after, seal)
    await store.keep_places(connection, {(telling.patient_id, telling.facility) for telling in tellings})


def opened(row: store.Sealed, seal: Seal) -> Fields:
    """What is kept of a patient."""
    return unpacked(seal.open(row.sealed, _place(row.patient_id)), row.stated_at)


def _with(fields: Fields, told: Sequence[Telling]) -> Fields:
    for telling in told:
        fields = merged(fields, telling.told, telling.said_at)
    return fields


async def _change_words(
    connection: Connection, before: dict[str, Fields], after: dict[str, Fields], seal: Seal
) -> None:
    gone: list[tuple[bytes, str]] = []
    new: list[tuple[bytes, str]] = []
    for patient, fields in after.items():
        was, now = words_of(before.get(patient, {})), words_of(fields)
        gone += [(seal.blind(word), patient) for word in was - now]
        new += [(seal.blind(word), patient) for word in now - was]
    await store.change_words(connection, sorted(gone), sorted(new))


def _place(patient_id: str) -> str:
    return f"identity:{patient_id}"
