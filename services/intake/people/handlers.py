"""What was said of persons, taken in: opened, merged field by field, sealed again, and the words to find them by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.people import store
from services.intake.people.finding import words_of
from services.intake.people.person import Fields, Told, merged, packed, unpacked
from shared.crypto import Seal
from shared.db import Connection
from shared.writes import Write, at_once, together


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
    [found] = await together(connection, [store.sealed_of({telling.patient_id for telling in tellings})])
    await at_once(connection, keeping(tellings, [store.Sealed(*row) for row in found], seal))


def keeping(tellings: Sequence[Telling], kept: Iterable[store.Sealed], seal: Seal) -> list[Write]:
    """The same as writes; `kept` is what is kept of these patients (`store.sealed_of`)."""
    if not tellings:
        return []
    said: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        said[telling.patient_id].append(telling)
    before = {row.patient_id: opened(row, seal) for row in kept if row.patient_id in said}
    after = {patient: _with(before.get(patient, {}), told) for patient, told in said.items()}
    rows = [
        store.Sealed(patient, seal.close(packed(fields), _place(patient)), max(one.said_at for one in said[patient]))
        for patient, fields in sorted(after.items())
    ]
    places = store.keep_places({(telling.patient_id, telling.facility) for telling in tellings})
    return [store.keep(rows), places, *_change_words(before, after, seal)]


def opened(row: store.Sealed, seal: Seal) -> Fields:
    """What is kept of a patient."""
    return unpacked(seal.open(row.sealed, _place(row.patient_id)), row.stated_at)


def _with(fields: Fields, told: Sequence[Telling]) -> Fields:
    for telling in told:
        fields = merged(fields, telling.told, telling.said_at)
    return fields


def _change_words(before: dict[str, Fields], after: dict[str, Fields], seal: Seal) -> list[Write]:
    gone: list[tuple[bytes, str]] = []
    new: list[tuple[bytes, str]] = []
    for patient, fields in after.items():
        if patient in before and _values(before[patient]) == _values(fields):
            continue  # most messages tell the same person again
        was, now = words_of(before.get(patient, {})), words_of(fields)
        gone += [(seal.blind(word), patient) for word in was - now]
        new += [(seal.blind(word), patient) for word in now - was]
    return store.change_words(sorted(gone), sorted(new))


def _values(fields: Fields) -> dict[str, Any]:
    return {name: value for name, (value, _) in fields.items()}


def _place(patient_id: str) -> str:
    return f"identity:{patient_id}"
